"""The commands that a fact about a sale asks of its instructors' earnings. Pure: who delivers the effect
sends them.

Their ids are made of the fact and the instructor, so that any number of deliveries is one. They say what the
fact adds, so that deliveries may come in any order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from functools import reduce
from typing import Any

from msgspec import Struct

from ledger.earnings.commands import AccrueEarnings
from ledger.earnings.terms import Kind, Reckoning, Recovery, available_on
from ledger.enrolments.events import EnrolmentActivated
from ledger.message import Event, Recorded
from ledger.payments.events import (
    DisputeFundsReinstated,
    DisputeFundsWithdrawn,
    DisputeLost,
    DisputeWon,
    PaymentSettled,
    RefundReversed,
    RefundSettled,
)
from ledger.payments.sale import stakes
from ledger.payments.state import Payment, evolve
from ledger.split import Sale, SettledSplit, Stakes, by_user, kept

_KINDS: Mapping[type[Event], Kind] = {
    PaymentSettled: "sale",
    RefundSettled: "refund",
    RefundReversed: "refund_failed",
    DisputeFundsWithdrawn: "dispute_lost",
    DisputeFundsReinstated: "dispute_won",
    DisputeLost: "dispute_lost",
    DisputeWon: "dispute_won",
}
"""Where funds are withdrawn and reinstated only what is held changes, and no amount is of that kind."""


class _Cause(Struct, frozen=True):
    """A fact about a sale, and the sale as it was after it."""

    fact: Recorded
    kind: Kind
    sale: Sale
    left: SettledSplit
    """Of the sale: what each has of it."""
    available_on: date
    recovery: Recovery
    payment_id: str = ""
    price_currency: str = ""
    given_back_minor: int = 0
    settled_minor: int = 0


def asked(
    fact: Recorded, payment: Payment, earlier: Sequence[Recorded] = (), recovery: Recovery = "netting"
) -> tuple[AccrueEarnings, ...]:
    """One for each instructor whom the fact concerns.

    `payment` is the one that it is about, as it is now or at any time after the fact: of it only that is
    taken which changes no more. `earlier` are the facts of its stream up to this one, for one that
    `must_be_told`. `recovery` is the operator's choice.
    """
    event: Any = fact.event
    if isinstance(event, EnrolmentActivated):
        return _of_grant(fact, event, recovery)
    sale, entry, captured_at = payment.sale, payment.settlement, payment.captured_at
    if sale is None or entry is None or captured_at is None:
        return ()
    stands = event.stakes or _told(earlier)
    if stands is None and isinstance(event, PaymentSettled):
        stands = Stakes(0)
    if stands is None:
        return ()
    cause = _Cause(
        fact,
        _KINDS[type(event)],
        sale,
        kept(sale, entry.amount_minor, entry.currency, stands.given_back_minor),
        available_on(captured_at),
        recovery,
        payment_id=payment.payment_id,
        price_currency=payment.currency,
        given_back_minor=stands.given_back_minor,
        settled_minor=entry.amount_minor,
    )
    held = {one.user_id: one.amount_minor for one in stands.held}
    return _commands(cause, by_user(getattr(event, "split", None)), held)


def must_be_told(fact: Recorded, payment: Payment) -> bool:
    """Whether how the sale stood after it is not in the fact, as in those of 0.2.0. That a charge settled
    says so only where a dispute had taken of it before.
    """
    event: Any = fact.event
    if isinstance(event, EnrolmentActivated) or event.stakes is not None:
        return False
    return bool(payment.disputes) or not isinstance(event, PaymentSettled)


def _told(facts: Sequence[Recorded]) -> Stakes | None:
    """As the payment would have said it, by the same function."""
    events: list[Any] = [one.event for one in facts]
    before = reduce(evolve, events[:-1], Payment())
    return stakes(before, evolve(before, events[-1])) if events else None


def _of_grant(fact: Recorded, event: EnrolmentActivated, recovery: Recovery) -> tuple[AccrueEarnings, ...]:
    if event.split is None or event.sale is None:
        return ()
    given_at = event.activated_at or fact.metadata.effective_at
    cause = _Cause(
        fact,
        "granted",
        event.sale,
        event.split,
        available_on(given_at),
        recovery,
        price_currency=event.split.currency,
    )
    return _commands(cause, by_user(event.split), {})


def _commands(
    cause: _Cause, amounts: Mapping[str, int], held: Mapping[str, int]
) -> tuple[AccrueEarnings, ...]:
    """Dated as their cause is, so that earnings and books are equal on every day."""
    fact = cause.fact
    return tuple(
        AccrueEarnings(
            command_id=f"accrue_earnings:{fact.stream}:{fact.version}:{user_id}",
            effective_at=fact.metadata.effective_at,
            user_id=user_id,
            currency=cause.left.currency,
            kind=cause.kind,
            amount_minor=amounts.get(user_id, 0),
            held_change_minor=held.get(user_id, 0),
            available_on=cause.available_on,
            course_id=cause.sale.course_id,
            payment_id=cause.payment_id,
            cause_position=fact.position,
            reckoning=_reckoning(cause, user_id),
            recovery=cause.recovery,
        )
        for user_id in sorted(amounts.keys() | held.keys())
    )


def _reckoning(cause: _Cause, user_id: str) -> Reckoning:
    left = by_user(cause.left)
    parts = {part.user_id: part.part_bp for part in cause.sale.instructors}
    return Reckoning(
        price_currency=cause.price_currency,
        charged_minor=cause.sale.charged_minor,
        given_back_minor=cause.given_back_minor,
        basis_minor=cause.sale.basis_minor,
        share_bp=cause.sale.share_bp,
        part_bp=parts.get(user_id, 0),
        settled_minor=cause.settled_minor,
        instructors_minor=sum(left.values()),
        kept_minor=left.get(user_id, 0),
    )
