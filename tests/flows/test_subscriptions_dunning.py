"""An invoice that is not paid: tried by our schedule, with a new card at once, and given up in the end."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ledger.invoices.events import InvoiceRetryRequested
from ledger.subscriptions.commands import RequestPaymentMethodChange
from tests.api.stripe.subscribers import DAY, Subscribers
from tests.api.stripe.world import Bench, World

MONTH = 28
"""Days of the first period, from 31 January."""


@pytest.fixture
def people(world: World, bench: Bench) -> Subscribers:
    subscribers = Subscribers(world, bench)
    subscribers.set_out()
    return subscribers


async def overdue(people: Subscribers, card: str) -> str:
    """A subscriber whose first renewal has just been declined."""
    subscription_id = await people.subscribe()
    await people.turn(subscription_id, card)
    await people.live(MONTH, step=MONTH)
    assert (await people.state(subscription_id)).status == "past_due"
    return subscription_id


async def attempts(people: Subscribers, subscription_id: str) -> list[tuple[str, int]]:
    """Cause of each retry, and how many days after the first failure it was asked for."""
    known = await people.state(subscription_id)
    invoices = [row["stripe_invoice_id"] for row in await people.invoices()]
    invoice_id = known.open_invoice_id or invoices[1]
    failed_at = (await people.invoice(invoice_id)).failed_at
    assert failed_at is not None
    return [
        (fact.event.cause, (fact.event.at - failed_at + DAY / 2) // DAY)
        for fact in await people.world.store.read_stream(f"invoice-{invoice_id}")
        if isinstance(fact.event, InvoiceRetryRequested)
    ]


async def test_a_retry_recovers_it(people: Subscribers) -> None:
    subscription_id = await overdue(people, "pm_card_visa_chargeDeclinedInsufficientFunds")
    await people.live(4)
    assert (await people.state(subscription_id)).status == "past_due"
    await people.turn(subscription_id, "pm_card_visa")
    await people.live(4)
    known = await people.state(subscription_id)
    assert (known.status, known.past_due_since) == ("active", None)
    assert await attempts(people, subscription_id) == [("schedule", 2), ("schedule", 7)]
    assert await people.charges() == ["succeeded", "failed", "failed", "succeeded"]
    assert await people.world.stripe_in_books() == await people.world.stripe_balance()


async def test_none_recovers_it_unpaid_then_canceled(people: Subscribers) -> None:
    subscription_id = await overdue(people, "pm_card_visa_chargeDeclinedInsufficientFunds")
    await people.live(20)
    assert (await people.state(subscription_id)).status == "past_due"
    await people.live(2)
    assert (await people.state(subscription_id)).status == "unpaid"
    invoice_id = (await people.invoices())[1]["stripe_invoice_id"]
    await people.live(28, step=2)
    assert (await people.state(subscription_id)).status == "unpaid"
    await people.live(2)
    known = await people.state(subscription_id)
    assert known.status == "canceled"
    facts = await people.world.store.read_stream(f"invoice-{invoice_id}")
    asked = [fact.event for fact in facts if isinstance(fact.event, InvoiceRetryRequested)]
    assert len(asked) == 4
    charges = await people.charges()
    await people.live(30, step=10)
    assert await people.charges() == charges
    (row,) = await people.subscriptions()
    assert row["mrr_minor"] == 0


async def test_a_lost_card_waits_for_a_new_one_which_is_tried_at_once(people: Subscribers) -> None:
    subscription_id = await overdue(people, "pm_card_visa_chargeDeclinedLostCard")
    await people.live(10, step=2)
    assert await attempts(people, subscription_id) == []
    card = await people.world.client.v1.payment_methods.attach_async(
        "pm_card_mastercard", {"customer": await people.customer()}
    )
    await people.asks(
        people.ask(RequestPaymentMethodChange, subscription_id=subscription_id, payment_method_id=card.id)
    )
    await people.world.settle()
    await people.hear()
    assert (await people.state(subscription_id)).status == "active"
    assert await attempts(people, subscription_id) == [("new_card", 10)]
    assert await people.charges() == ["succeeded", "failed", "succeeded"]


@pytest.mark.parametrize("done", [True, False])
async def test_no_second_attempt_while_one_is_unknown(people: Subscribers, bench: Bench, done: bool) -> None:  # noqa: FBT001
    subscription_id = await overdue(people, "pm_card_visa_chargeDeclinedInsufficientFunds")
    await people.turn(subscription_id, "pm_card_visa")
    bench.advance(timedelta(days=2), people.world)
    invoice_id = (await people.state(subscription_id)).open_invoice_id
    path = f"/v1/invoices/{invoice_id}/pay"
    bench.fault("error_after" if done else "error_before", path)
    await people.work()
    facts = [fact.event.TYPE for fact in await people.world.store.read_stream(f"invoice-{invoice_id}")]
    assert facts.count("invoices.retry_requested.v1") == 1
    assert facts.count("invoices.retry_unknown.v1") == 1
    await people.hear()
    assert (await people.state(subscription_id)).status == "active"
    assert await people.charges() == ["succeeded", "failed", "succeeded"]


async def test_a_worker_that_was_away_makes_up_for_one_attempt(people: Subscribers) -> None:
    subscription_id = await overdue(people, "pm_card_visa_chargeDeclinedInsufficientFunds")
    await people.live(8, step=8)
    await people.work()
    await people.work()
    assert await attempts(people, subscription_id) == [("schedule", 8)]
    assert await people.charges() == ["succeeded", "failed", "failed"]


async def test_a_process_that_died_after_the_attempt_makes_no_second_one(
    people: Subscribers, bench: Bench
) -> None:
    subscription_id = await overdue(people, "pm_card_visa_chargeDeclinedInsufficientFunds")
    bench.advance(timedelta(days=2), people.world)
    invoice_id = (await people.state(subscription_id)).open_invoice_id
    bench.fault("error_before", f"/v1/invoices/{invoice_id}", "GET")
    await people.work()
    assert (await people.invoice(invoice_id)).retry is not None
    assert await people.charges() == ["succeeded", "failed", "failed"]
    assert await people.world.settle() == []
    assert (await people.invoice(invoice_id)).retry is None
    assert await people.charges() == ["succeeded", "failed", "failed"]
