"""A payment that waits for its cardholder is canceled at Stripe, whose answer alone ends it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from stripe import StripeClient

from api.payments.expiry import expire_unconfirmed
from api.stripe.delivery import Delivered, Postponed
from api.webhooks.routes import record
from ledger.effects import ApplyWebhook, CancelPaymentIntent
from ledger.ids import new_id
from ledger.message import Origin
from ledger.payments.commands import CancelPayment
from ledger.payments.events import PaymentCancelRequested
from tests.api.stripe.world import USER, Bench, World

ASKS = "pm_card_threeDSecure2Required"
SYSTEM = Origin(actor="worker", roles=frozenset({"system"}))


async def ask(world: World, payment_id: str) -> None:
    command = CancelPayment(
        command_id=new_id("cmd"),
        effective_at=world.clock.now(),
        payment_id=payment_id,
        user_id=USER.actor,
        by_system=True,
        reason="abandoned",
    )
    await world.store.handle(command, SYSTEM)


async def deliver(world: World, payment_id: str) -> Delivered:
    return await world.gateway.deliver(CancelPaymentIntent(payment_id), SYSTEM)


async def test_what_is_canceled_cannot_be_confirmed_any_more(world: World, client: StripeClient) -> None:
    payment_id = await world.pay(ASKS)
    await ask(world, payment_id)
    await deliver(world, payment_id)
    payment = await world.payment(payment_id)
    intent = await client.v1.payment_intents.retrieve_async(payment.payment_intent_id)
    assert (payment.status, intent.status, intent.cancellation_reason) == (
        "canceled",
        "canceled",
        "abandoned",
    )
    assert (await deliver(world, payment_id)).outcome is None
    await world.receive(await world.events())
    assert await world.facts(payment_id) == ["initiated", "action_required", "cancel_requested", "canceled"]


async def test_a_card_that_was_declined_is_not_tried_again(world: World) -> None:
    payment_id = await world.pay("pm_card_visa_chargeDeclined")
    await ask(world, payment_id)
    await deliver(world, payment_id)
    assert (await world.payment(payment_id)).status == "canceled"


async def test_who_confirms_before_we_come_has_paid(world: World, bench: Bench) -> None:
    payment_id = await world.pay(ASKS)
    await ask(world, payment_id)
    bench.pass_challenge((await world.payment(payment_id)).payment_intent_id)
    await deliver(world, payment_id)
    assert (await world.payment(payment_id)).status == "succeeded"


async def test_what_was_canceled_when_the_answer_was_lost_is_found_so(world: World, bench: Bench) -> None:
    payment_id = await world.pay(ASKS)
    await ask(world, payment_id)
    bench.fault("error_after", "/v1/payment_intents/")
    with pytest.raises(Postponed):
        await deliver(world, payment_id)
    await deliver(world, payment_id)
    assert (await world.payment(payment_id)).status == "canceled"


async def test_who_does_not_confirm_in_time_cannot_do_it_later(world: World, bench: Bench) -> None:
    payment_id, confirmed = [await world.pay(ASKS) for _ in range(2)]
    bench.advance(timedelta(hours=23), world)
    recent = await world.pay(ASKS)
    bench.advance(timedelta(hours=1, seconds=5), world)
    await world.project()
    bench.pass_challenge((await world.payment(confirmed)).payment_intent_id)
    assert await expire_unconfirmed(world.conn, world.store, world.clock, 24) == 2
    await world.settle()
    states = [(await world.payment(each)).status for each in (payment_id, confirmed, recent)]
    assert states == ["canceled", "succeeded", "requires_action"]
    wish = (await world.store.read_stream(f"payment-{payment_id}"))[2].event
    assert isinstance(wish, PaymentCancelRequested)
    assert wish.reason == "expired"
    intent_id = (await world.payment(payment_id)).payment_intent_id
    intent = await world.client.v1.payment_intents.retrieve_async(intent_id)
    assert intent.cancellation_reason == "abandoned", "in Stripe's words"
    assert await expire_unconfirmed(world.conn, world.store, world.clock, 24) == 0


async def test_what_waits_to_be_captured_can_be_canceled_and_what_the_bank_is_at_cannot(
    world: World, client: StripeClient
) -> None:
    debit, held = await world.pay("pm_usBankAccount_success"), await world.initiate()
    made = await client.v1.payment_intents.create_async(
        {
            "amount": 10_000,
            "currency": "usd",
            "capture_method": "manual",
            "payment_method": "pm_card_visa",
            "confirm": True,
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
            "metadata": {"payment_id": held},
        }
    )
    event = next(one for one in await world.events() if one.data.object.id == made.id)
    await record(world.store, event)
    told = ApplyWebhook(event.id, event.type, made.id, payment_intent_id=made.id)
    await world.gateway.deliver(told, SYSTEM)
    assert {(await world.payment(each)).status for each in (debit, held)} == {"processing"}
    assert [await world.gateway.can_be_canceled(each) for each in (debit, held)] == [False, True]
    await ask(world, held)
    await deliver(world, held)
    assert (await world.payment(held)).status == "canceled"


async def test_it_waits_until_it_is_known_what_there_is_to_cancel(world: World) -> None:
    payment_id = await world.initiate(ASKS)
    await ask(world, payment_id)
    with pytest.raises(Postponed, match="not known yet"):
        await deliver(world, payment_id)
    await world.deliver_payment(payment_id)
    await deliver(world, payment_id)
    assert (await world.payment(payment_id)).status == "canceled"
