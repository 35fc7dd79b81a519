"""Events and simulated histories at Stripe, for property tests."""

from __future__ import annotations

import types
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec
from hypothesis import strategies as st
from msgspec.structs import replace

from ledger.message import Event
from ledger.payments.commands import DisputeSnapshot, RecordPaymentSnapshot, RefundSnapshot
from tests.ledger.examples import NOON, dispute, refund, snapshot, txn

_TEXTS = st.sampled_from(["", "a", "b", "won", "lost", "needs_response", "warning_closed", "pay_1", "yacht"])
_AMOUNTS = st.one_of(st.integers(-3, 3), st.integers(-(2**62), 2**62))
_INSTANTS = st.integers(0, 90).map(lambda days: NOON + timedelta(days=days))


def values(annotation: Any) -> st.SearchStrategy[Any]:
    """Anything that fits a field, from few ids, so that facts concern each other."""
    if get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if get_origin(annotation) is tuple:
        return st.lists(values(get_args(annotation)[0]), max_size=3).map(tuple)
    if get_origin(annotation) in (Union, types.UnionType):
        return st.one_of(*(values(one) for one in get_args(annotation)))
    if get_origin(annotation) is Literal:
        return st.sampled_from(get_args(annotation))
    if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        return structs(annotation)
    plain = {
        str: _TEXTS,
        int: _AMOUNTS,
        bool: st.booleans(),
        datetime: _INSTANTS,
        date: _INSTANTS.map(datetime.date),
        type(None): st.none(),
    }
    return plain[annotation]


def structs(struct: type[msgspec.Struct]) -> st.SearchStrategy[Any]:
    return st.builds(struct, **{one.name: values(one.type) for one in msgspec.structs.fields(struct)})


def events_of(types_: Iterable[type[Event]]) -> st.SearchStrategy[Event]:
    return st.one_of(*(structs(one) for one in types_))


OUR_REFUND_MINOR = 2000
"""What `re_1` was asked to give back before Stripe's history starts."""
_DISPUTED_MINOR = 5000


@st.composite
def _payment_histories(draw: st.DrawFn) -> list[RecordPaymentSnapshot]:
    """One PaymentIntent from creation to an end, as Stripe would show it at each step."""
    history = draw(
        st.lists(st.sampled_from(["requires_action", "processing"]), max_size=2, unique=True).map(
            lambda steps: [snapshot(status) for status in sorted(steps, reverse=True)]
        )
    )
    declined = snapshot("requires_payment_method", failure_code="card_declined")
    end = draw(
        st.sampled_from(["succeeded", "succeeded", "succeeded", "declined", "canceled", "confirmed again"])
    )
    if end == "declined":
        return [*history, declined]
    if end == "canceled":
        return [*history, snapshot("canceled")]
    if end == "confirmed again":
        history.append(declined)
    if draw(st.booleans()):
        history.append(snapshot(balance_transaction=None))
    return [*history, snapshot()]


@st.composite
def _refund_histories(draw: st.DrawFn, name: str, refund_id: str, amount: int) -> list[RefundSnapshot]:
    booked, back = txn(name, -amount), txn(f"{name}_back", amount)
    one = refund(stripe_refund_id=f"re_stripe_{name}", refund_id=refund_id, amount_minor=amount)
    pending = replace(one, status="pending")
    succeeded = replace(one, balance_transaction=booked)
    failed = replace(succeeded, status="failed", failure_reason="declined", failure_balance_transaction=back)
    return draw(
        st.sampled_from(
            [
                [pending],
                [pending, succeeded],
                [succeeded],
                [succeeded, failed],
                [pending, succeeded, failed],
                [replace(pending, status="requires_action"), replace(one, status="canceled")],
            ]
        )
    )


@st.composite
def _dispute_histories(draw: st.DrawFn) -> list[DisputeSnapshot]:
    taken = txn("taken", -_DISPUTED_MINOR, draw(st.sampled_from([0, 1500])))
    returned = txn(
        "returned", _DISPUTED_MINOR - draw(st.sampled_from([0, 7])), draw(st.sampled_from([0, -1500]))
    )
    inquiry = draw(
        st.sampled_from(
            [[], ["warning_needs_response"], ["warning_under_review", "warning_closed"]],
        )
    )
    chargeback = draw(
        st.sampled_from(
            [
                [],
                ["needs_response"],
                ["needs_response", "under_review", "won"],
                ["needs_response", "won without the money", "won"],
                ["needs_response", "lost"],
                ["lost", "won"],
                ["prevented"],
            ]
        )
    )
    history = [dispute(status, amount_minor=_DISPUTED_MINOR) for status in inquiry]
    for status in chargeback:
        entries = (taken, returned) if status == "won" else (taken,)
        history.append(dispute(status.split()[0], *entries, amount_minor=_DISPUTED_MINOR))
    return history


@st.composite
def stripe_histories(draw: st.DrawFn) -> list[RecordPaymentSnapshot]:
    """Everything of one payment as Stripe shows it at each of its steps, oldest first.

    `re_1` answers our request; another refund is made outside; a dispute runs beside them.
    """
    history = draw(_payment_histories())
    last = history[-1]
    if last.status != "succeeded":
        return history
    threads: list[list[Any]] = [
        draw(_refund_histories("ours", "re_1", OUR_REFUND_MINOR)) if draw(st.booleans()) else [],
        draw(_refund_histories("outside", "", 1000)) if draw(st.booleans()) else [],
        draw(_dispute_histories()) if draw(st.booleans()) else [],
    ]
    turns = draw(st.permutations([index for index, thread in enumerate(threads) for _ in thread]))
    now: dict[int, Any] = {}
    for turn in turns:
        now[turn] = threads[turn].pop(0)
        refunds = tuple(now[index] for index in (0, 1) if index in now)
        disputes = (now[2],) if 2 in now else ()
        history.append(replace(last, refunds=refunds, disputes=disputes))
    return history


@st.composite
def deliveries(draw: st.DrawFn, history: list[RecordPaymentSnapshot]) -> list[RecordPaymentSnapshot]:
    """`history` as it may reach us: some lost, some twice, in any order, whole or an object at a time.

    The last snapshot always arrives in the end: Stripe repeats a webhook until it is taken.
    """
    some = draw(st.lists(st.sampled_from(history), max_size=2 * len(history)))
    delivered = [*some, history[-1]]
    parts = [part for one in delivered for part in (_parts(one) if draw(st.booleans()) else [one])]
    return draw(st.permutations(parts))


def _parts(whole: RecordPaymentSnapshot) -> list[RecordPaymentSnapshot]:
    bare = replace(whole, refunds=(), disputes=())
    return [
        bare,
        *(replace(bare, refunds=(one,)) for one in whole.refunds),
        *(replace(bare, disputes=(one,)) for one in whole.disputes),
    ]
