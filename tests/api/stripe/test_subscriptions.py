"""A subscription from its wish to its end, each answer of Stripe's recorded."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from api.sandbox.server import Sandbox
from api.stripe.client import open_stripe
from api.stripe.gateway import StripeGateway
from ledger.effects import Effect
from ledger.ids import new_id
from ledger.invoices.commands import RequestCredit, RequestInvoiceRetry
from ledger.message import Recorded
from ledger.policies import react
from ledger.subscriptions.commands import (
    RequestCancellation,
    RequestCancellationWithdrawal,
    RequestPause,
    RequestPaymentMethodChange,
    RequestResume,
)
from ledger.subscriptions.refusals import SubscriptionExists
from tests.api.stripe.subscribers import START, Subscribers, agrees_with_stripe
from tests.api.stripe.world import USER, Bench, World, recorded_by


@pytest.fixture
def people(world: World, bench: Bench) -> Subscribers:
    subscribers = Subscribers(world, bench)
    subscribers.set_out()
    return subscribers


async def test_created_and_charged_at_once(people: Subscribers) -> None:
    subscription_id = await people.subscribe()
    assert await people.facts() == ["requested", "started", "payment_method_changed"]
    known = await people.state(subscription_id)
    assert (known.status, known.tier, known.price_minor) == ("active", "pro", 999)
    assert known.period_start is not None
    assert known.period_end == datetime(2027, 2, 28, 10, tzinfo=UTC) + (known.period_start - START)
    (invoice,) = await people.invoices()
    assert (invoice["status"], invoice["charged_minor"], invoice["receipt_number"]) == ("paid", 999, 1)
    await people.hear()
    assert len(await people.invoices()) == 1
    await agrees_with_stripe(people)


async def test_a_trial_charges_nothing_until_it_ends(people: Subscribers) -> None:
    subscription_id = await people.subscribe(trial_days=14)
    known = await people.state(subscription_id)
    assert (known.status, known.trial_end) == ("trialing", known.period_end)
    assert await people.charges() == []
    await people.live(15, step=5)
    assert (await people.state(subscription_id)).status == "active"
    assert [row["total_minor"] for row in await people.invoices()] == [0, 999]
    assert [row["receipt_number"] for row in await people.invoices()] == [None, 1]
    await agrees_with_stripe(people)


async def test_a_card_that_cannot_be_attached_is_a_refusal_and_another_may_follow(
    people: Subscribers,
) -> None:
    refused = await people.subscribe(card="pm_card_visa_chargeDeclinedLostCard")
    *_, last = await people.world.store.read_stream("subscriber-usr_1")
    assert (last.event.code, last.event.decline_code) == ("card_declined", "lost_card")  # type: ignore[attr-defined]
    assert (await people.state(refused)).status == "failed"
    assert (await people.state(await people.subscribe())).status == "active"


async def test_a_first_payment_declined_waits_for_another_card_which_is_tried_at_once(
    people: Subscribers,
) -> None:
    subscription_id = await people.subscribe(card="pm_card_chargeCustomerFail")
    known = await people.state(subscription_id)
    assert (known.status, bool(known.open_invoice_id)) == ("incomplete", True)
    (invoice,) = await people.invoices()
    assert (invoice["decline_code"], invoice["attempts"]) == ("generic_decline", 1)
    await people.asks(
        people.ask(
            RequestPaymentMethodChange,
            subscription_id=subscription_id,
            payment_method_id="pm_card_mastercard",
        )
    )
    await people.world.settle()
    await people.hear()
    assert (await people.state(subscription_id)).status == "active"
    assert await people.charges() == ["failed", "succeeded"]
    await agrees_with_stripe(people)


async def test_a_first_payment_that_nobody_makes_expires(people: Subscribers) -> None:
    subscription_id = await people.subscribe(card="pm_card_chargeCustomerFail")
    await people.live(1.5, step=0.5)
    assert (await people.state(subscription_id)).status == "incomplete_expired"
    assert [row["status"] for row in await people.invoices()] == ["void"]
    await people.live(3)
    assert await people.charges() == ["failed"]


async def test_the_cardholder_confirms_and_the_secret_is_handed_on_but_never_kept(
    people: Subscribers, bench: Bench
) -> None:
    subscription_id = await people.request(card="pm_card_threeDSecure2Required")
    (asked,) = await people.world.store.read_stream("subscriber-usr_1")
    delivered = await people.world.gateway.deliver_now(_effect(asked), USER)
    assert delivered.client_secret.startswith("pi_")
    assert "invoices.action_required.v1" in recorded_by(delivered.invoice)
    known = await people.state(subscription_id)
    assert known.status == "incomplete"
    again = await people.world.gateway.next_invoice_action(known.open_invoice_id)
    assert again.client_secret == delivered.client_secret
    stored = await people.world.rows("SELECT convert_from(data, 'UTF8') AS data FROM events")
    assert not any(delivered.client_secret in row["data"] for row in stored)
    (invoice,) = await people.invoices()
    bench.pass_challenge(invoice["payment_intent_id"])
    await people.hear()
    assert (await people.state(subscription_id)).status == "active"
    await agrees_with_stripe(people)


async def test_two_at_once_are_one_subscription_and_one_charge(people: Subscribers) -> None:
    first = await people.request()
    with pytest.raises(SubscriptionExists):
        await people.request()
    (asked,) = await people.world.store.read_stream("subscriber-usr_1")
    both = [people.world.gateway.deliver(_effect(asked), USER) for _ in range(2)]
    await asyncio.gather(*both, people.world.settle())
    assert (await people.state(first)).status == "active"
    assert await people.charges() == ["succeeded"]


async def test_prices_are_made_once_and_found_again(people: Subscribers, world: World) -> None:
    await people.subscribe()
    await people.subscribe(user_id="usr_2")
    fresh = Subscribers(world, people.bench)
    fresh.world.gateway = StripeGateway(world.store, world.client, world.clock)
    await fresh.subscribe(user_id="usr_3")
    prices = (await world.client.v1.prices.list_async({"limit": 100})).data
    assert [price.lookup_key for price in prices] == ["liberation-pro-month-usd-999"]


async def test_periods_keep_the_anchor_day_over_short_months(people: Subscribers) -> None:
    await people.subscribe()
    await people.live(28 + 31 + 30 + 2, step=7)
    rows = await people.invoices()
    assert [row["billing_reason"] for row in rows] == ["subscription_create"] + ["subscription_cycle"] * 3
    starts = [row["period_start"] for row in rows]
    assert [(one.month, one.day) for one in starts] == [(1, 31), (2, 28), (3, 31), (4, 30)]
    assert [row["period_end"] for row in rows[:-1]] == starts[1:]
    assert [row["receipt_number"] for row in rows] == [1, 2, 3, 4]
    assert (await people.facts()).count("period_renewed") == 3
    # all that is over is earned, and the last period up to yesterday's midnight
    assert [row["deferred_minor"] for row in rows[:-1]] == [0, 0, 0]
    assert 0 < rows[-1]["recognised_minor"] < 999
    await agrees_with_stripe(people)


async def test_canceled_at_the_end_of_the_period_unless_it_is_kept(people: Subscribers) -> None:
    subscription_id = await people.subscribe()
    await people.asks(people.ask(RequestCancellation, subscription_id=subscription_id))
    known = await people.state(subscription_id)
    assert known.cancel_at == known.period_end
    await people.asks(people.ask(RequestCancellationWithdrawal, subscription_id=subscription_id))
    assert (await people.state(subscription_id)).cancel_at is None
    await people.live(30, step=15)
    await people.asks(people.ask(RequestCancellation, subscription_id=subscription_id))
    await people.live(31, step=31)
    assert (await people.state(subscription_id)).status == "canceled"
    assert len(await people.invoices()) == 2
    assert [row["deferred_minor"] for row in await people.invoices()] == [0, 0]


async def test_canceled_at_once_the_rest_is_earned(people: Subscribers) -> None:
    subscription_id = await people.subscribe()
    await people.live(10, step=10)
    await people.asks(people.ask(RequestCancellation, subscription_id=subscription_id, at_once=True))
    assert (await people.state(subscription_id)).status == "canceled"
    await people.world.settle()
    (invoice,) = await people.invoices()
    assert (invoice["recognised_minor"], invoice["deferred_minor"]) == (999, 0)
    await people.hear()
    await agrees_with_stripe(people)


async def test_an_end_whose_answer_was_lost_is_none_that_stripe_refused(
    people: Subscribers, sandbox: Sandbox
) -> None:
    """The library tries again by itself, and Stripe has no live subscription to end any more."""
    subscription_id = await people.subscribe()
    people.bench.fault("disconnect_after", "/v1/subscriptions/", "DELETE")
    world, wish = people.world, people.ask(RequestCancellation, subscription_id=subscription_id, at_once=True)
    (cause,) = (await world.store.handle(wish, USER)).recorded
    async with open_stripe(sandbox.api_key, api_base=sandbox.url, max_network_retries=1) as persistent:
        gateway = StripeGateway(world.store, persistent, world.clock)
        for effect in react(cause):
            await gateway.deliver_now(effect, USER, cause)

    assert (await people.state(subscription_id)).status == "canceled"
    assert "request_failed" not in await people.facts()
    await agrees_with_stripe(people)


async def test_a_pause_collects_nothing_and_what_follows_one_is_paid(people: Subscribers) -> None:
    subscription_id = await people.subscribe()
    await people.asks(people.ask(RequestPause, subscription_id=subscription_id))
    assert (await people.state(subscription_id)).status == "paused"
    await people.live(35, step=7)
    assert await people.charges() == ["succeeded"]
    await people.asks(people.ask(RequestResume, subscription_id=subscription_id))
    known = await people.state(subscription_id)
    assert (known.status, known.anchor_at) == ("active", known.period_start), "a period of its own"
    assert [row["status"] for row in await people.invoices()] == ["paid", "void", "paid"]
    assert await people.charges() == ["succeeded"] * 2
    await people.live(32, step=32)
    assert await people.charges() == ["succeeded"] * 3
    await agrees_with_stripe(people)


async def test_a_pause_within_a_period_charges_it_once(people: Subscribers) -> None:
    subscription_id = await people.subscribe()
    before = await people.state(subscription_id)
    await people.asks(people.ask(RequestPause, subscription_id=subscription_id))
    await people.live(5, step=5)
    await people.asks(people.ask(RequestResume, subscription_id=subscription_id))
    known = await people.state(subscription_id)
    assert (known.status, known.period_end) == ("active", before.period_end)
    assert await people.charges() == ["succeeded"]


async def test_a_trial_that_ended_in_a_pause_is_paid_for_when_it_goes_on(people: Subscribers) -> None:
    subscription_id = await people.subscribe(trial_days=14)
    await people.asks(people.ask(RequestPause, subscription_id=subscription_id))
    await people.live(15, step=5)
    assert await people.charges() == []
    await people.asks(people.ask(RequestResume, subscription_id=subscription_id))
    assert (await people.state(subscription_id)).status == "active"
    assert await people.charges() == ["succeeded"]


async def test_a_credit_is_refunded_and_its_revenue_taken_back(people: Subscribers) -> None:
    await people.subscribe()
    await people.live(10, step=10)
    (invoice,) = await people.invoices()
    await people.asks(
        people.ask(
            RequestCredit,
            stripe_invoice_id=invoice["stripe_invoice_id"],
            credit_id=new_id("cn"),
            amount_minor=500,
            reason="product_unsatisfactory",
            note="as agreed",
        )
    )
    (invoice,) = await people.invoices()
    assert invoice["credited_minor"] == 500
    await people.hear()
    await people.live(20, step=20)
    (invoice, _) = await people.invoices()
    assert (invoice["deferred_minor"], invoice["recognised_minor"]) == (0, 499)
    await agrees_with_stripe(people)


async def test_a_refund_in_the_dashboard_and_a_dispute_are_in_the_books(
    people: Subscribers, bench: Bench
) -> None:
    await people.subscribe()
    await people.subscribe(user_id="usr_2", card="pm_card_mastercard")
    first, second = await people.invoices()
    await people.world.client.v1.refunds.create_async({"charge": first["charge_id"], "amount": 300})
    dispute_id = bench.dispute(second["charge_id"])
    await people.hear()
    await agrees_with_stripe(people)
    bench.resolve(dispute_id, won=False)
    await people.hear()
    rows = await people.invoices()
    assert [(row["credited_minor"], row["dispute"]) for row in rows] == [(300, ""), (0, "charged_back")]
    await agrees_with_stripe(people)


async def test_what_is_none_of_ours_is_ignored_visibly(people: Subscribers, world: World) -> None:
    await people.subscribe()
    customer = await people.customer("usr_2")
    card = await world.client.v1.payment_methods.attach_async("pm_card_visa", {"customer": customer})
    (price,) = (await world.client.v1.prices.list_async()).data
    await world.client.v1.subscriptions.create_async(
        {"customer": customer, "items": [{"price": price.id}], "default_payment_method": card.id}
    )
    await people.hear()
    results = await world.rows("SELECT DISTINCT result FROM webhooks ORDER BY result")
    assert [row["result"] for row in results] == ["applied", "ignored", "unchanged", "unexplained"]
    assert len(await people.invoices()) == 1
    assert await world.settle() == []


async def test_one_that_was_taken_for_refused_and_is_there_after_all_is_ended(
    people: Subscribers, world: World
) -> None:
    refused = await people.subscribe(card="pm_card_visa_chargeDeclinedLostCard")
    live = await people.subscribe()
    customer = await people.customer()
    (price,) = (await world.client.v1.prices.list_async()).data
    made = await world.client.v1.subscriptions.create_async(
        {
            "customer": customer,
            "items": [{"price": price.id}],
            "default_payment_method": (await people.state(live)).payment_method_id,
            "metadata": {"subscription_id": refused, "user_id": "usr_1"},
        }
    )
    await people.hear()
    await people.hear()
    assert (await world.client.v1.subscriptions.retrieve_async(made.id)).status == "canceled"
    assert (await people.state(refused)).status == "canceled"
    assert (await people.state(live)).status == "active"


async def test_a_subscription_that_the_ledger_does_not_know_is_kept_for_later(
    people: Subscribers, world: World
) -> None:
    await people.subscribe()
    customer = await people.customer("usr_2")
    card = await world.client.v1.payment_methods.attach_async("pm_card_visa", {"customer": customer})
    (price,) = (await world.client.v1.prices.list_async()).data
    await world.client.v1.subscriptions.create_async(
        {
            "customer": customer,
            "items": [{"price": price.id}],
            "default_payment_method": card.id,
            "metadata": {"subscription_id": "sub_lost", "user_id": "usr_2"},
        }
    )
    await people.hear()
    assert any("the ledger has no subscription sub_lost" in why for why in await world.settle())


async def test_the_customer_pays_an_open_invoice_and_confirms(people: Subscribers, bench: Bench) -> None:
    subscription_id = await people.subscribe(card="pm_card_authenticationRequiredOnSetup")
    (invoice,) = await people.invoices()
    bench.pass_challenge(invoice["payment_intent_id"])
    await people.hear()
    await people.turn(subscription_id, "pm_card_threeDSecure2Required")
    await people.live(29, step=29)
    known = await people.state(subscription_id)
    assert known.status == "past_due"
    (delivered,) = await people.asks(
        people.ask(
            RequestInvoiceRetry,
            stripe_invoice_id=known.open_invoice_id,
            cause="customer",
            user_id="usr_1",
        )
    )
    assert delivered.client_secret
    _, invoice = await people.invoices()
    bench.pass_challenge(invoice["payment_intent_id"])
    await people.hear()
    assert (await people.state(subscription_id)).status == "active"
    await agrees_with_stripe(people)


def _effect(recorded: Recorded) -> Effect:
    (effect,) = react(recorded)
    return effect
