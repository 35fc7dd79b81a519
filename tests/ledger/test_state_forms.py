"""A folded state is written and read again without a difference, and is known to be of these rules."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from functools import reduce
from typing import Any

import msgspec
import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st
from msgspec.structs import replace

from ledger.domains import DECIDERS
from ledger.message import AnyDecider, Event
from ledger.payments.decider import PAYMENT
from ledger.payments.events import DisputeOpened, DisputeStatusChanged
from ledger.payments.state import Payment
from ledger.persistent import PersistentMap
from ledger.store.forms import Form
from ledger.subscriptions.decider import SUBSCRIBER
from ledger.subscriptions.events import (
    SubscriptionChanged,
    SubscriptionRequested,
    SubscriptionStarted,
    SubscriptionStatusChanged,
)
from ledger.subscriptions.state import Subscriber, Subscription
from tests.contracts.record import states, states_file
from tests.ledger.examples import NOON
from tests.ledger.strategies import events_of


def histories(decider: AnyDecider) -> st.SearchStrategy[list[Any]]:
    return st.lists(events_of(decider.events), max_size=12)


@pytest.mark.parametrize("decider", DECIDERS, ids=lambda decider: type(decider.initial).__name__)
@settings(max_examples=50)
@for_all(data=st.data())
def test_a_state_comes_back_from_its_bytes_and_goes_on_alike(
    decider: AnyDecider, data: st.DataObject
) -> None:
    form = Form(decider)
    state = reduce(decider.evolve, data.draw(histories(decider)), decider.initial)
    written = form.encode(state)
    restored = form.decode(written)
    assert restored == state
    assert form.encode(restored) == written, "in the same order, at the same offsets from UTC"
    for event in data.draw(histories(decider)):
        state, restored = decider.evolve(state, event), decider.evolve(restored, event)
        assert restored == state
        assert form.encode(restored) == form.encode(state)


def test_a_fact_of_another_version_brings_no_status_into_a_state_that_it_cannot_have() -> None:
    """Facts are text, states have a closed set of it: what is not known changes nothing."""
    opened = _folded(PAYMENT, DISPUTED, DisputeStatusChanged(dispute_id="dp_1", status="yacht"))
    assert opened.disputes["dp_1"].status == "needs_response"
    assert opened.dispute_open
    started = _folded(SUBSCRIBER, REQUESTED, _started("yacht"))
    assert (_subscription(started).status, _subscription(started).interval) == ("incomplete", "month")
    active = _folded(SUBSCRIBER, REQUESTED, _started("active"), TO_YACHT, WEEKLY)
    assert (_subscription(active).status, _subscription(active).interval) == ("active", "month")
    for decider, state in ((PAYMENT, opened), (SUBSCRIBER, started), (SUBSCRIBER, active)):
        form = Form(decider)
        assert form.decode(form.encode(state)) == state


def _folded(decider: AnyDecider, *facts: Event) -> Any:
    return reduce(decider.evolve, facts, decider.initial)


def _subscription(subscriber: Subscriber) -> Subscription:
    return subscriber.subscriptions["sub_1"]


def _started(status: str) -> SubscriptionStarted:
    return SubscriptionStarted(
        subscription_id="sub_1",
        stripe_subscription_id="sub_s",
        status=status,
        anchor_at=NOON,
        period_start=NOON,
        period_end=NOON,
    )


DISPUTED = DisputeOpened(
    payment_id="pay_1",
    dispute_id="dp_1",
    charge_id="ch_1",
    amount_minor=100,
    currency="usd",
    reason="fraudulent",
    opened_at=NOON,
)
REQUESTED = SubscriptionRequested(
    subscription_id="sub_1",
    user_id="usr_ann",
    tier="pro",
    interval="fortnight",
    currency="usd",
    price_minor=999,
    catalogue_version="1",
    payment_method_id="pm_1",
    stripe_customer_id="cus_1",
)
TO_YACHT = SubscriptionStatusChanged(subscription_id="sub_1", status="yacht", was="active")
WEEKLY = SubscriptionChanged(
    subscription_id="sub_1",
    tier="pro",
    interval="week",
    currency="usd",
    price_minor=249,
    was_tier="pro",
    was_interval="month",
    was_price_minor=999,
)


def test_a_time_keeps_its_zone_and_a_number_its_size() -> None:
    there = datetime(2026, 1, 1, 12, 0, 0, 1, timezone(timedelta(hours=5, minutes=30)))
    payment = Payment(captured_at=there, refunded_minor=2**80)
    form = Form(PAYMENT)
    back = form.decode(form.encode(payment))
    assert (back.refunded_minor, back.captured_at.isoformat()) == (2**80, there.isoformat())


class Inner(msgspec.Struct, frozen=True):
    coins: int = 0


class Richer(msgspec.Struct, frozen=True):
    coins: int = 0
    notes: int = 0


def holding(inner: type[Any], default: Any = 0) -> AnyDecider:
    """Rules whose state has `inner` deep within, in a map of lists."""
    fields: Any = [("held", PersistentMap[list[inner]], PersistentMap()), ("other", int, default)]  # type: ignore[valid-type]
    state = msgspec.defstruct("Holder", fields, frozen=True)
    return replace(PAYMENT, initial=state())


def test_the_shape_is_of_the_whole_structure_and_the_same_in_every_process() -> None:
    inner = msgspec.defstruct("Inner", [("coins", int, 0)], frozen=True)
    moved = msgspec.defstruct("Inner", [("coins", int, 0)], frozen=True, module="elsewhere")
    widened = msgspec.defstruct("Inner", [("coins", int | None, 0)], frozen=True)
    shapes = [
        Form(each).shape
        for each in (
            holding(inner),
            holding(Inner),
            holding(Richer),
            holding(widened),
            holding(inner, default=1),
            replace(holding(inner), revision=2),
            replace(holding(inner), events=PAYMENT.events[1:]),
        )
    ]
    assert shapes[0] == shapes[1] == Form(holding(moved)).shape
    assert len(set(shapes)) == len(shapes) - 1
    assert len({Form(decider).shape for decider in DECIDERS}) == len(DECIDERS)


def test_what_the_kept_facts_come_to_is_as_committed() -> None:
    """Where this differs and no field was added, `evolve` means something else now: raise the decider's
    `revision`, so that nobody goes on from what it used to mean; then
    `.venv/bin/python -m tests.contracts.record`.
    """
    assert states_file().read_text() == states()
