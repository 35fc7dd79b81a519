"""What must hold whatever happens; docs/accounting.md lists it in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from functools import reduce
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from ledger.domains import DECIDERS, EVENT_TYPES
from ledger.errors import Refused
from ledger.journal import balance_transaction, description, postings, source
from ledger.message import AnyDecider, Event
from ledger.payments.commands import (
    PaymentCommand,
    RecordFundsAvailable,
    RecordPaymentFailure,
    RecordPaymentSnapshot,
    RecordPaymentUnknown,
    RecordRefundFailure,
    RecordRefundUnknown,
    RequestRefund,
)
from ledger.payments.decider import PAYMENT, decide
from ledger.payments.events import PaymentEvent
from ledger.payments.state import Payment, evolve
from tests.ledger.examples import captured, given, initiated, recorded, request_refund, when
from tests.ledger.strategies import OUR_REFUND_MINOR, deliveries, events_of, stripe_histories, structs


def balances(events: Iterable[Event]) -> Counter[tuple[str, str]]:
    total: Counter[tuple[str, str]] = Counter()
    for event in events:
        for posting in postings(recorded(event)):
            total[posting.account, posting.currency] += posting.amount_minor
    return Counter({key: amount for key, amount in total.items() if amount})


def booked(events: Iterable[Event]) -> list[tuple[str, tuple[object, ...]]]:
    """Every entry that posts a balance transaction, by its id."""
    entries = [
        (source(event), postings(recorded(event)))
        for event in events
        if balance_transaction(event) is not None
    ]
    return sorted(entries, key=lambda entry: entry[0])


@for_all(events_of(EVENT_TYPES))
def test_every_entry_adds_up_to_zero_and_has_no_empty_leg(event: Event) -> None:
    legs = postings(recorded(event))
    total = Counter[str]()
    for leg in legs:
        assert leg.amount_minor != 0
        total[leg.currency] += leg.amount_minor
    assert not any(total.values())
    assert not legs or (description(event) and len(legs) > 1)


REQUESTS = st.builds(
    request_refund,
    st.one_of(st.none(), st.integers(-1, 12000)),
    refund_id=st.sampled_from(["re_1", "re_2", "re_3", "re_4"]),
)


@for_all(stripe_histories(), st.lists(REQUESTS, max_size=6), st.randoms(use_true_random=False))
def test_our_own_refunds_never_give_back_more_than_was_captured(
    history: list[RecordPaymentSnapshot], requests: list[RequestRefund], random: Any
) -> None:
    payment = captured()
    commands: list[PaymentCommand] = [*history, *requests]
    random.shuffle(commands)
    for command in commands:
        try:
            events = decide(command, payment)
        except Refused:
            continue
        payment = reduce(evolve, events, payment)
        if events and isinstance(command, RequestRefund):
            assert payment.refunded_minor + payment.withheld_minor <= payment.captured_minor
        assert 0 <= payment.refundable_minor <= payment.captured_minor


@for_all(st.data())
def test_any_order_repetition_and_loss_of_snapshots_ends_alike(data: st.DataObject) -> None:
    history = data.draw(stripe_histories())
    arrived = data.draw(deliveries(history))
    # as after our own request for re_1, when the intent may or may not be known yet
    before, requested = when(captured(), request_refund(OUR_REFUND_MINOR))
    start = before if history[-1].status == "succeeded" and data.draw(st.booleans()) else given(initiated())
    if history[-1].refunds and start is not before:
        start = reduce(evolve, requested, start)

    in_order, facts_in_order = when(start, *history)
    as_arrived, facts_as_arrived = when(start, *arrived)

    assert as_arrived == in_order
    assert balances(facts_as_arrived) == balances(facts_in_order)
    assert booked(facts_as_arrived) == booked(facts_in_order)


@for_all(stripe_histories())
def test_each_balance_transaction_is_posted_once(history: list[RecordPaymentSnapshot]) -> None:
    _, facts = when(given(initiated()), *history, *history)
    ids = [name for name, _ in booked(facts)]
    assert len(ids) == len(set(ids))


@for_all(stripe_histories())
def test_the_disputes_receivable_is_settled_when_all_is_over(history: list[RecordPaymentSnapshot]) -> None:
    payment, facts = when(given(initiated()), *history)
    over = all(
        one.status == "lost" or (one.status == "won" and (one.reinstated or not one.outstanding_minor))
        for one in payment.disputes.values()
    )
    if over:
        assert balances(facts)["1200", "usd"] == 0


@for_all(st.sampled_from(DECIDERS), st.data())
def test_evolve_takes_any_history(decider: AnyDecider, data: st.DataObject) -> None:
    history = data.draw(st.lists(events_of(decider.events), max_size=12))
    state = reduce(decider.evolve, history, decider.initial)
    assert isinstance(state, type(decider.initial))


@for_all(st.lists(events_of(PAYMENT.events), max_size=12), stripe_histories())
def test_reports_are_taken_after_any_history(history: list[PaymentEvent], reports: list[Any]) -> None:
    payment, _ = when(reduce(evolve, history, given(initiated())), *reports)
    assert payment.refundable_minor >= 0


@pytest.mark.parametrize(
    "kind",
    [
        RecordPaymentSnapshot,
        RecordPaymentFailure,
        RecordPaymentUnknown,
        RecordFundsAvailable,
        RequestRefund,
        RecordRefundFailure,
        RecordRefundUnknown,
    ],
)
@for_all(data=st.data())
def test_what_is_said_twice_happens_once(kind: type[Any], data: st.DataObject) -> None:
    payment: Payment = data.draw(st.sampled_from([captured(), given(initiated())]))
    with suppress(Refused):
        payment, _ = when(payment, request_refund(OUR_REFUND_MINOR))
    command = data.draw(stripe_histories())[-1] if kind is RecordPaymentSnapshot else data.draw(structs(kind))
    try:
        payment, _ = when(payment, command)
        assert decide(command, payment) == ()
    except Refused:
        return
