"""A payment's effect, delivered by the real SDK to the sandbox."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from stripe import StripeClient

from api.sandbox.server import Sandbox
from api.stripe.client import open_stripe
from api.stripe.gateway import Postponed, StripeGateway
from api.stripe.objects import UnexpectedAnswer
from api.stripe.payments import create
from ledger.effects import CreatePaymentIntent
from ledger.message import Outcome, Recorded
from ledger.payments.events import PaymentActionRequired, PaymentFailed, PaymentSucceeded
from tests.api.stripe.world import USER, Bench, World, recorded_by


async def test_a_payment_succeeds_and_is_settled_by_webhook(world: World) -> None:
    payment_id = await world.initiate(description="A course")
    delivered = await world.deliver_payment(payment_id)
    assert recorded_by(delivered.outcome) == [PaymentSucceeded.TYPE]
    assert (delivered.client_secret, delivered.next_action_url) == ("", "")
    await world.receive(await world.events())
    assert await world.facts(payment_id) == ["initiated", "succeeded", "settled"]
    assert await world.stripe_in_books() == await world.stripe_balance() == {"usd": 10_000 - 320}


async def test_what_stripe_says_is_recorded_in_stripes_name(world: World) -> None:
    payment_id = await world.pay()
    _, succeeded = await world.store.read_stream(f"payment-{payment_id}")
    assert (succeeded.metadata.actor, succeeded.metadata.roles) == ("stripe", ("system",))
    assert succeeded.metadata.correlation_id == "request-1"
    assert succeeded.metadata.causation_id.startswith("pi_")


async def test_delivering_again_does_nothing(world: World, client: StripeClient) -> None:
    payment_id = await world.pay()
    again = await world.deliver_payment(payment_id)
    assert again.outcome is None
    assert len((await client.v1.payment_intents.list_async()).data) == 1


@pytest.mark.parametrize(
    ("card", "code", "decline_code"),
    [
        ("pm_card_visa_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_visa_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("pm_card_visa_chargeDeclinedLostCard", "card_declined", "lost_card"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", "expired_card"),
        ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", "incorrect_cvc"),
        ("pm_card_chargeDeclinedProcessingError", "processing_error", "processing_error"),
    ],
)
async def test_a_decline_says_why(world: World, card: str, code: str, decline_code: str) -> None:
    payment_id = await world.initiate(card)
    delivered = await world.deliver_payment(payment_id)
    assert delivered.outcome is not None
    [recorded] = delivered.outcome.recorded
    assert isinstance(recorded.event, PaymentFailed)
    assert (recorded.event.code, recorded.event.decline_code) == (code, decline_code)
    assert recorded.event.payment_intent_id.startswith("pi_")
    await world.receive(await world.events())
    assert await world.facts(payment_id) == ["initiated", "failed"]


async def test_what_stripe_refuses_is_a_failure(world: World) -> None:
    payment_id = await world.pay("pm_of_somebody_else")
    state = await world.payment(payment_id)
    assert state.status == "failed"
    [_, failed] = await world.store.read_stream(f"payment-{payment_id}")
    assert isinstance(failed.event, PaymentFailed)
    assert failed.event.code == "resource_missing"


async def test_the_cardholder_is_asked_and_the_secret_is_handed_on_but_not_kept(
    world: World, bench: Bench
) -> None:
    payment_id = await world.initiate("pm_card_threeDSecure2Required")
    delivered = await world.deliver_payment(payment_id)
    state = await world.payment(payment_id)
    assert state.status == "requires_action"
    assert delivered.client_secret.startswith(f"{state.payment_intent_id}_secret_")
    kept = repr(await world.store.read_stream(f"payment-{payment_id}"))
    assert delivered.client_secret not in kept
    assert (await world.gateway.next_action(payment_id)).client_secret == delivered.client_secret
    bench.pass_challenge(state.payment_intent_id)
    await world.receive(await world.events())
    assert await world.facts(payment_id) == ["initiated", "action_required", "succeeded", "settled"]
    assert (await world.gateway.next_action(payment_id)).client_secret == ""


async def test_a_failed_challenge_fails_the_payment(world: World, bench: Bench) -> None:
    payment_id = await world.pay("pm_card_threeDSecure2Required")
    bench.fail_challenge((await world.payment(payment_id)).payment_intent_id)
    await world.receive(await world.events())
    assert await world.facts(payment_id) == ["initiated", "action_required", "failed"]


async def test_a_return_url_lets_the_bank_send_the_cardholder_to_its_page(world: World) -> None:
    gateway = StripeGateway(world.store, world.client, world.clock, return_url="https://liberation.test/back")
    payment_id = await world.initiate("pm_card_threeDSecure2Required")
    delivered = await gateway.deliver(CreatePaymentIntent(payment_id=payment_id), USER)
    assert delivered.next_action_url.startswith("http")
    [_, waiting] = await world.store.read_stream(f"payment-{payment_id}")
    assert isinstance(waiting.event, PaymentActionRequired)
    assert waiting.event.action == "redirect_to_url"


@pytest.mark.parametrize(
    ("account", "end"),
    [("pm_usBankAccount_success", "settled"), ("pm_usBankAccount_accountClosed", "failed")],
)
async def test_a_bank_debit_is_processed_for_days(world: World, bench: Bench, account: str, end: str) -> None:
    payment_id = await world.pay(account)
    assert (await world.payment(payment_id)).status == "processing"
    bench.advance(timedelta(days=5), world)
    await world.receive(await world.events())
    facts = await world.facts(payment_id)
    assert facts[:2] == ["initiated", "processing"]
    assert facts[-1] == end
    assert await world.stripe_in_books() == {
        currency: held for currency, held in (await world.stripe_balance()).items() if held
    }


async def test_funds_become_available_when_stripes_hold_ends(world: World, bench: Bench) -> None:
    payment_id = await world.pay()
    await world.receive(await world.events())
    assert await world.make_funds_available() == 0
    bench.advance(timedelta(days=3), world)
    assert await world.make_funds_available() == 1
    assert await world.make_funds_available() == 0
    *_, settled, available = await world.store.read_stream(f"payment-{payment_id}")
    assert available.metadata.effective_at == settled.event.balance_transaction.available_at  # type: ignore[attr-defined]  # the event before it is PaymentSettled
    [row] = await world.rows(
        "SELECT sum(debit_minor - credit_minor) AS held FROM balances WHERE account = '1011'"
    )
    assert row["held"] == 9_680


async def test_a_card_is_saved_once_and_stays_removed(world: World, client: StripeClient) -> None:
    customer = await client.v1.customers.create_async({"metadata": {"user_id": "usr_1"}})
    await world.pay(stripe_customer_id=customer.id, save_payment_method=True)
    await world.receive(await world.events())
    [saved] = await world.store.read_stream("customer-usr_1")
    assert saved.event.payment_method_id.startswith("pm_")  # type: ignore[attr-defined]  # it is PaymentMethodSaved
    assert saved.command_id.startswith("save_payment_method:pay_")


async def test_a_wrong_key_of_ours_is_no_decline(world: World, sandbox: Sandbox) -> None:
    payment_id = await world.initiate()
    async with open_stripe("nonsense", api_base=sandbox.url, max_network_retries=0) as client:
        gateway = StripeGateway(world.store, client, world.clock)
        with pytest.raises(Postponed, match="misconfigured"):
            await gateway.deliver(CreatePaymentIntent(payment_id=payment_id), USER)
        assert (await gateway.deliver_now(CreatePaymentIntent(payment_id=payment_id), USER)).outcome is None
    assert await world.facts(payment_id) == ["initiated"]
    assert await world.settle() == []
    assert await world.facts(payment_id) == ["initiated", "succeeded"]


async def test_a_request_and_the_worker_at_once_charge_once(world: World, client: StripeClient) -> None:
    payment_id = await world.initiate()
    await world.project()
    await asyncio.gather(*(world.deliver_payment(payment_id) for _ in range(5)))
    assert await world.facts(payment_id) == ["initiated", "succeeded"]
    assert len((await client.v1.payment_intents.list_async()).data) == 1


async def test_a_payment_in_each_currency_is_kept_apart(world: World) -> None:
    for currency, amount in (("usd", 1_000), ("eur", 2_000), ("jpy", 3_000)):
        await world.pay(amount=amount, currency=currency)
    await world.receive(await world.events())
    assert await world.stripe_in_books() == await world.stripe_balance()


async def test_the_fact_that_a_request_has_at_hand_is_not_read_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment_id = await world.initiate()
    [cause] = await world.store.read_stream(f"payment-{payment_id}")

    async def never(*_: object) -> list[Recorded]:
        raise AssertionError("the stream was read")

    monkeypatch.setattr(world.store, "read_stream", never)
    delivered = await world.gateway.deliver(CreatePaymentIntent(payment_id), USER, cause)
    assert recorded_by(delivered.outcome) == [PaymentSucceeded.TYPE]


async def test_an_answer_that_cannot_be_recorded_yet_is_for_a_later_try(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def not_yet(*_: object) -> list[Outcome]:
        raise UnexpectedAnswer("it names what is not listed yet")

    monkeypatch.setattr(create, "record_present", not_yet)
    payment_id = await world.initiate()
    with pytest.raises(Postponed, match="unexpected_answer"):
        await world.deliver_payment(payment_id)
    monkeypatch.undo()
    await world.deliver_payment(payment_id)
    assert (await world.payment(payment_id)).status == "succeeded"
