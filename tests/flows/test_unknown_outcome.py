"""Stripe did it, or did not, and nobody knows: what the ledger says, and how it finds out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from stripe import StripeClient

from api.sandbox.faults import FaultKind
from api.sandbox.server import Sandbox
from api.stripe.client import open_stripe
from api.stripe.delivery import NEVER_REACHED
from api.stripe.gateway import Postponed, StripeGateway
from ledger.effects import CreatePaymentIntent, CreateRefund, ResolvePayment, ResolveRefund
from ledger.payments.events import PaymentFailed, RefundFailed
from tests.api.stripe.impatient import impatient
from tests.api.stripe.world import USER, WORKER, Bench, World

INTENTS = "/v1/payment_intents"
REFUNDS = "/v1/refunds"
DID_IT: list[FaultKind] = ["timeout_after", "disconnect_after", "disconnect_mid_body", "error_after"]
DID_NOT_SEE: list[FaultKind] = ["timeout_before", "disconnect_before", "error_before"]


@pytest.fixture
async def client(sandbox: Sandbox) -> AsyncIterator[StripeClient]:
    async with impatient(sandbox) as opened:
        yield opened


async def intents(world: World) -> int:
    return len((await world.client.v1.payment_intents.list_async()).data)


async def refunds(world: World) -> int:
    return len((await world.client.v1.refunds.list_async()).data)


@pytest.mark.parametrize("fault", DID_IT)
async def test_a_charge_that_was_made_is_found_and_not_made_again(
    world: World, bench: Bench, fault: FaultKind
) -> None:
    payment_id = await world.initiate()
    bench.fault(fault, INTENTS)
    await world.deliver_payment(payment_id)
    assert (await world.payment(payment_id)).status == "unknown"
    assert await world.settle() == []
    facts = await world.facts(payment_id)
    assert facts[:3] == ["initiated", "outcome_unknown", "succeeded"]
    assert await intents(world) == 1
    await world.receive(await world.events())
    assert await world.stripe_in_books() == await world.stripe_balance() == {"usd": 9_680}


@pytest.mark.parametrize("fault", DID_NOT_SEE)
async def test_a_call_that_never_got_through_is_made_again_with_its_key(
    world: World, bench: Bench, fault: FaultKind
) -> None:
    payment_id = await world.initiate()
    bench.fault(fault, INTENTS)
    await world.deliver_payment(payment_id)
    assert (await world.payment(payment_id)).status == "unknown"
    assert await world.settle() == []
    assert (await world.payment(payment_id)).status == "succeeded"
    assert await intents(world) == 1


async def test_a_500_that_stripe_repeats_is_waited_for_and_then_given_up(world: World, bench: Bench) -> None:
    """The key replays its first answer, so that only the look-up can end it: there is no such charge."""
    payment_id = await world.initiate()
    bench.fault("error_during", INTENTS)
    await world.deliver_payment(payment_id)
    assert any("unclear" in why for why in await world.settle())
    bench.advance(timedelta(hours=23, minutes=30), world)
    assert any("given up" in why for why in await world.settle())
    assert (await world.payment(payment_id)).status == "unknown"
    bench.advance(timedelta(hours=1), world)
    assert await world.settle() == []
    *_, last = await world.store.read_stream(f"payment-{payment_id}")
    assert isinstance(last.event, PaymentFailed)
    assert last.event.code == NEVER_REACHED
    assert await intents(world) == 0


async def test_a_decline_behind_a_500_is_found(world: World, bench: Bench) -> None:
    payment_id = await world.initiate("pm_card_visa_chargeDeclinedInsufficientFunds")
    bench.fault("error_after", INTENTS)
    await world.deliver_payment(payment_id)
    assert await world.settle() == []
    *_, last = await world.store.read_stream(f"payment-{payment_id}")
    assert isinstance(last.event, PaymentFailed)
    assert last.event.decline_code == "insufficient_funds"


async def test_too_many_requests_are_tried_again(world: World, bench: Bench) -> None:
    payment_id = await world.initiate()
    bench.fault("rate_limit", INTENTS, times=2)
    await world.deliver_payment(payment_id)
    assert await world.facts(payment_id) == ["initiated", "succeeded"]


async def test_the_sdks_own_retries_need_no_unknown(world: World, bench: Bench, sandbox: Sandbox) -> None:
    payment_id = await world.initiate()
    bench.fault("disconnect_mid_body", INTENTS)
    async with open_stripe(sandbox.api_key, api_base=sandbox.url) as patient:
        await StripeGateway(world.store, patient, world.clock).deliver(
            CreatePaymentIntent(payment_id=payment_id), USER
        )
    # Stripe repeats its answer, so that what is there now is looked at
    assert await world.facts(payment_id) == ["initiated", "succeeded", "settled"]
    assert await intents(world) == 1


async def test_a_process_that_died_before_calling_is_made_up_for(world: World) -> None:
    payment_id = await world.initiate()
    assert await world.settle() == []
    assert (await world.payment(payment_id)).status == "succeeded"


async def test_a_process_that_died_after_calling_charges_nobody_twice(world: World, bench: Bench) -> None:
    payment_id = await world.initiate()
    bench.fault("timeout_after", INTENTS)
    await world.deliver_payment(payment_id)
    # the webhook is faster than the worker, and finds the payment first
    await world.receive(await world.events())
    assert (await world.payment(payment_id)).status == "succeeded"
    resolved = await world.gateway.deliver(ResolvePayment(payment_id=payment_id), WORKER)
    assert resolved.outcome is None
    assert await intents(world) == 1


async def test_a_call_with_other_parameters_that_was_made_before_is_met_and_not_made_again(
    world: World,
) -> None:
    """As a version before this one called, which told Stripe less, and died before it had the answer."""
    payment_id = await world.initiate()
    await world.client.v1.payment_intents.create_async(
        {
            "amount": 10_000,
            "currency": "usd",
            "payment_method": "pm_card_visa",
            "confirm": True,
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
            "metadata": {"payment_id": payment_id},
        },
        {"idempotency_key": f"payment:{payment_id}"},
    )
    delivered = await world.deliver_payment(payment_id)
    assert delivered.outcome is not None, "the caller who waits is told"
    assert await world.facts(payment_id) == ["initiated", "succeeded", "settled"]
    assert await intents(world) == 1


async def test_a_refund_with_other_parameters_is_met_and_not_made_again(world: World) -> None:
    payment_id = await world.pay()
    refund_id = await world.request_refund(payment_id, 4_000)
    await world.client.v1.refunds.create_async(
        {
            "payment_intent": (await world.payment(payment_id)).payment_intent_id,
            "amount": 3_000,
            "metadata": {"payment_id": payment_id, "refund_id": refund_id},
        },
        {"idempotency_key": f"refund:{refund_id}"},
    )
    await world.deliver_refund(payment_id, refund_id)
    assert (await world.payment(payment_id)).refunds[refund_id].status == "succeeded"
    assert (await world.payment(payment_id)).refundable_minor == 7_000, "as Stripe did it"


async def test_a_key_that_met_nothing_leaves_the_payment_unknown(world: World) -> None:
    payment_id = await world.initiate()
    await world.client.v1.payment_intents.create_async(
        {"amount": 700, "currency": "usd"}, {"idempotency_key": f"payment:{payment_id}"}
    )
    await world.deliver_payment(payment_id)
    assert await world.facts(payment_id) == ["initiated", "outcome_unknown"]


async def test_an_order_of_yesterday_is_not_charged_today(world: World, bench: Bench) -> None:
    payment_id = await world.initiate()
    bench.advance(timedelta(hours=25), world)
    assert await world.settle() == []
    assert await intents(world) == 0
    *_, last = await world.store.read_stream(f"payment-{payment_id}")
    assert isinstance(last.event, PaymentFailed)
    assert last.event.code == NEVER_REACHED


async def test_while_the_look_up_fails_nothing_is_decided(world: World, bench: Bench) -> None:
    payment_id = await world.initiate()
    bench.fault("timeout_after", INTENTS)
    await world.deliver_payment(payment_id)
    bench.fault("error_before", INTENTS, "GET")
    with pytest.raises(Postponed):
        await world.gateway.deliver(ResolvePayment(payment_id=payment_id), WORKER)
    assert (await world.payment(payment_id)).status == "unknown"


@pytest.mark.parametrize("fault", DID_IT)
async def test_a_refund_that_was_made_is_found_and_not_made_again(
    world: World, bench: Bench, fault: FaultKind
) -> None:
    payment_id = await world.pay()
    refund_id = await world.request_refund(payment_id, 4_000)
    bench.fault(fault, REFUNDS)
    await world.deliver_refund(payment_id, refund_id)
    assert (await world.payment(payment_id)).refunds[refund_id].status == "unknown"
    assert await world.settle() == []
    assert (await world.payment(payment_id)).refunds[refund_id].status == "succeeded"
    assert await refunds(world) == 1
    await world.receive(await world.events())
    assert await world.stripe_in_books() == await world.stripe_balance() == {"usd": 9_680 - 4_000}


@pytest.mark.parametrize("fault", DID_NOT_SEE)
async def test_a_refund_that_never_got_through_is_made_again_with_its_key(
    world: World, bench: Bench, fault: FaultKind
) -> None:
    payment_id = await world.pay()
    refund_id = await world.request_refund(payment_id, 4_000)
    bench.fault(fault, REFUNDS)
    await world.deliver_refund(payment_id, refund_id)
    assert await world.settle() == []
    assert (await world.payment(payment_id)).refunds[refund_id].status == "succeeded"
    assert await refunds(world) == 1


async def test_a_refund_that_stripe_never_saw_is_given_up_after_a_day(world: World, bench: Bench) -> None:
    payment_id = await world.pay()
    refund_id = await world.request_refund(payment_id)
    bench.fault("error_during", REFUNDS)
    await world.deliver_refund(payment_id, refund_id)
    assert any("unclear" in why for why in await world.settle())
    with pytest.raises(Postponed, match="unclear"):
        await world.gateway.deliver(ResolveRefund(payment_id=payment_id, refund_id=refund_id), WORKER)
    bench.advance(timedelta(hours=25), world)
    assert await world.settle() == []
    *_, last = await world.store.read_stream(f"payment-{payment_id}")
    assert isinstance(last.event, RefundFailed)
    assert last.event.reason == NEVER_REACHED
    assert (await world.payment(payment_id)).refundable_minor == 10_000


async def test_a_refund_without_an_answer_keeps_its_amount_reserved(world: World, bench: Bench) -> None:
    payment_id = await world.pay()
    refund_id = await world.request_refund(payment_id, 4_000)
    bench.fault("timeout_after", REFUNDS)
    await world.deliver_refund(payment_id, refund_id)
    assert (await world.payment(payment_id)).refundable_minor == 6_000
    again = await world.gateway.deliver(CreateRefund(payment_id=payment_id, refund_id=refund_id), USER)
    assert again.outcome is None
