"""A payment too many goes back; where Stripe refuses that, it is asked for again, and not in a storm."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from functools import reduce
from types import SimpleNamespace
from typing import Any

import pytest

from api.stripe.delivery import Postponed
from api.stripe.payments.surplus import MOST_TRIES, check_due
from ledger.effects import RefundCoursePayment
from ledger.enrolments.policy import surplus_refund_id
from ledger.message import Recorded
from ledger.payments.events import PaymentSucceeded, RefundFailed, RefundRequested, SaleStandingChanged
from ledger.payments.state import Payment, evolve
from tests.ledger.examples import NOON, initiated, recorded
from tests.ledger.test_sales import buying

HOUR = timedelta(hours=1)
PAID = (
    initiated(**buying()),
    PaymentSucceeded(payment_intent_id="pi_1", charge_id="ch_1", amount_minor=10000, currency="usd"),
)
EFFECT = RefundCoursePayment("crs_1", "usr_ann", "pay_1", "re_next", "usr_ann", "duplicate")


def told_again() -> SaleStandingChanged:
    return SaleStandingChanged(
        payment_id="pay_1",
        user_id="usr_ann",
        purpose="course",
        purpose_ref="enrolment-crs_1-usr_ann",
        standing="paid",
        cause="refund_failed",
    )


def refused(count: int, *, as_surplus: bool = True) -> list[Recorded]:
    """A payment too many whose refund Stripe refused so often, each at noon."""
    events: list[Any] = list(PAID)
    for number in range(count):
        events.append(told_again())
        refund_id = surplus_refund_id("pay_1", len(events)) if as_surplus else f"re_{number}"
        events += (
            RefundRequested(
                payment_id="pay_1",
                refund_id=refund_id,
                payment_intent_id="pi_1",
                amount_minor=10000,
                currency="usd",
                reason="duplicate",
            ),
            RefundFailed(refund_id=refund_id, reason="insufficient_funds"),
        )
    return [recorded(event, number) for number, event in enumerate(events, 1)]


async def check(facts: Iterable[Recorded], after: timedelta) -> None:
    """As the worker does before it delivers."""
    found = list(facts)
    events: Any = (fact.event for fact in found)

    async def state(*_: object) -> Payment:
        return reduce(evolve, events, Payment())

    async def read_stream(_stream: str) -> list[Recorded]:
        return found

    store = SimpleNamespace(state=state, read_stream=read_stream)
    tools: Any = SimpleNamespace(store=store, clock=SimpleNamespace(now=lambda: NOON + after))
    await check_due(tools, EFFECT)


@pytest.mark.parametrize(("failures", "pause"), [(1, HOUR), (2, 2 * HOUR), (5, 16 * HOUR), (7, 24 * HOUR)])
async def test_it_is_asked_for_again_after_a_pause_that_grows(failures: int, pause: timedelta) -> None:
    with pytest.raises(Postponed, match="asked for again at 2026") as waits:
        await check(refused(failures), pause - timedelta(seconds=1))
    assert waits.value.tries > 1, "the worker comes back"
    await check(refused(failures), pause)


async def test_the_first_refund_waits_for_nothing_whatever_was_refunded_before() -> None:
    await check(refused(0), timedelta())
    await check(refused(3, as_surplus=False), timedelta())


async def test_after_many_it_is_parked_for_somebody_to_look_at() -> None:
    with pytest.raises(Postponed, match=r"pay_1, which was one too many.*as an administrator") as parked:
        await check(refused(MOST_TRIES), 1000 * HOUR)
    assert parked.value.tries == 1


async def test_what_an_administrator_gave_back_meanwhile_is_not_waited_for() -> None:
    facts = refused(MOST_TRIES)
    by_hand = RefundRequested(
        payment_id="pay_1",
        refund_id="re_root",
        payment_intent_id="pi_1",
        amount_minor=10000,
        currency="usd",
        reason="duplicate",
    )
    await check([*facts, recorded(by_hand, len(facts) + 1)], timedelta())
