from __future__ import annotations

from typing import Any

import httpx
import pytest
import stripe


def types(client: stripe.StripeClient) -> list[str]:
    """Of all events, oldest first."""
    return [str(event.type) for event in client.v1.events.list({"limit": 100}).data][::-1]


def test_a_good_card_pays_and_is_booked(client: stripe.StripeClient, pay: Any) -> None:
    intent = pay(metadata={"payment_id": "pay_1"})
    booked = intent["latest_charge"]["balance_transaction"]
    assert intent["status"] == "succeeded"
    assert (booked["amount"], booked["fee"], booked["net"]) == (10_000, 320, 9_680)
    assert booked["status"] == "pending"
    assert intent["latest_charge"]["metadata"] == {"payment_id": "pay_1"}
    assert types(client) == ["payment_intent.created", "charge.succeeded", "payment_intent.succeeded"]


def test_an_asynchronous_capture_is_booked_after_the_answer(
    client: stripe.StripeClient, pay: Any, until: Any
) -> None:
    intent = pay(capture_method="automatic_async")
    assert intent["latest_charge"]["balance_transaction"] is None
    until(lambda: "charge.updated" in types(client))
    charge = client.v1.charges.retrieve(intent["latest_charge"]["id"])
    assert charge.balance_transaction


@pytest.mark.parametrize(
    ("card", "code", "decline_code"),
    [
        ("pm_card_visa_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_visa_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("pm_card_visa_chargeDeclinedLostCard", "card_declined", "lost_card"),
        ("pm_card_visa_chargeDeclinedStolenCard", "card_declined", "stolen_card"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", "expired_card"),
        ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", "incorrect_cvc"),
        ("pm_card_chargeDeclinedProcessingError", "processing_error", "processing_error"),
    ],
)
def test_a_bad_card_is_declined(
    client: stripe.StripeClient, pay: Any, card: str, code: str, decline_code: str
) -> None:
    with pytest.raises(stripe.CardError) as caught:
        pay(card)
    error = caught.value.error
    assert caught.value.http_status == 402
    assert error is not None
    assert (error.code, error.decline_code) == (code, decline_code)
    assert error.payment_intent is not None
    intent = client.v1.payment_intents.retrieve(error.payment_intent.id, {"expand": ["latest_charge"]})
    assert intent.status == "requires_payment_method"
    assert intent.last_payment_error is not None
    assert intent.last_payment_error.decline_code == decline_code
    assert isinstance(intent.latest_charge, stripe.Charge)
    assert intent.latest_charge.status == "failed"
    assert types(client) == ["payment_intent.created", "charge.failed", "payment_intent.payment_failed"]


def test_a_declined_intent_can_be_paid_with_another_card(client: stripe.StripeClient, pay: Any) -> None:
    with pytest.raises(stripe.CardError) as caught:
        pay("pm_card_visa_chargeDeclined")
    assert caught.value.error is not None
    intent = caught.value.error.payment_intent
    assert intent is not None
    paid = client.v1.payment_intents.confirm(intent.id, {"payment_method": "pm_card_mastercard"})
    assert (paid.status, paid.last_payment_error) == ("succeeded", None)
    assert len(client.v1.charges.list({"payment_intent": intent.id}).data) == 2


def test_create_then_update_then_confirm(client: stripe.StripeClient) -> None:
    intent = client.v1.payment_intents.create({"amount": 500, "currency": "EUR"})
    assert (intent.status, intent.currency) == ("requires_payment_method", "eur")
    client.v1.payment_intents.update(
        intent.id, {"amount": 700, "metadata": {"order": "7"}, "description": "x"}
    )
    with pytest.raises(stripe.InvalidRequestError, match="return_url"):
        client.v1.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa"})
    paid = client.v1.payment_intents.confirm(
        intent.id, {"payment_method": "pm_card_visa", "return_url": "https://shop.example/back"}
    )
    assert (paid.status, paid.amount_received, paid.metadata["order"]) == ("succeeded", 700, "7")
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.payment_intents.cancel(intent.id)
    assert caught.value.code == "payment_intent_unexpected_state"


def test_a_challenge_is_completed_on_its_page(client: stripe.StripeClient, pay: Any) -> None:
    intent = pay("pm_card_threeDSecure2Required", return_url="https://shop.example/back?order=7")
    assert intent["status"] == "requires_action"
    url = intent["next_action"]["redirect_to_url"]["url"]
    page = httpx.get(url)
    assert page.text.count("<button") == 2
    answer = httpx.post(f"{url}?outcome=pass")
    assert answer.status_code == 303
    assert "redirect_status=succeeded" in answer.headers["location"]
    assert answer.headers["location"].startswith("https://shop.example/back?order=7&")
    assert client.v1.payment_intents.retrieve(intent["id"]).status == "succeeded"


def test_a_failed_challenge_asks_for_another_method(
    client: stripe.StripeClient, pay: Any, control: Any
) -> None:
    intent = pay("pm_card_authenticationRequired")
    assert intent["next_action"]["type"] == "use_stripe_sdk"
    control.post(f"/payment_intents/{intent['id']}/authenticate", outcome="fail")
    failed = client.v1.payment_intents.retrieve(intent["id"])
    assert failed.status == "requires_payment_method"
    assert failed.last_payment_error is not None
    assert failed.last_payment_error.code == "payment_intent_authentication_failure"
    assert types(client)[-1] == "payment_intent.payment_failed"


def test_off_session_a_card_that_needs_a_challenge_is_declined(pay: Any) -> None:
    with pytest.raises(stripe.CardError) as caught:
        pay("pm_card_authenticationRequired", off_session=True)
    assert caught.value.code == "authentication_required"


def test_a_bank_debit_succeeds_days_later(client: stripe.StripeClient, pay: Any, control: Any) -> None:
    intent = pay("pm_usBankAccount_success")
    assert (intent["status"], intent["latest_charge"]["status"]) == ("processing", "pending")
    control.post("/clock/advance", seconds=5 * 86_400)
    paid = client.v1.payment_intents.retrieve(intent["id"], {"expand": ["latest_charge.balance_transaction"]})
    assert paid.status == "succeeded"
    assert isinstance(paid.latest_charge, stripe.Charge)
    assert isinstance(paid.latest_charge.balance_transaction, stripe.BalanceTransaction)
    assert paid.latest_charge.balance_transaction.type == "payment"


@pytest.mark.parametrize("by", ["hand", "time"])
def test_a_bank_debit_fails_later(client: stripe.StripeClient, pay: Any, control: Any, by: str) -> None:
    intent = pay("pm_usBankAccount_insufficientFunds")
    if by == "hand":
        control.post(f"/payment_intents/{intent['id']}/settle", outcome="failed")
    control.post("/clock/advance", seconds=5 * 86_400)
    failed = client.v1.payment_intents.retrieve(intent["id"])
    assert failed.status == "requires_payment_method"
    assert failed.last_payment_error is not None
    assert failed.last_payment_error.code == "insufficient_funds"
    assert types(client).count("charge.failed") == 1


def test_manual_capture_takes_a_part_and_releases_the_rest(client: stripe.StripeClient, pay: Any) -> None:
    intent = pay(capture_method="manual")
    assert (intent["status"], intent["amount_capturable"]) == ("requires_capture", 10_000)
    captured = client.v1.payment_intents.capture(
        intent["id"], {"amount_to_capture": 6_000, "expand": ["latest_charge.balance_transaction"]}
    ).to_dict()
    assert (captured["status"], captured["amount_received"]) == ("succeeded", 6_000)
    assert captured["latest_charge"]["balance_transaction"]["amount"] == 6_000
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.refunds.create({"payment_intent": intent["id"], "amount": 6_001})
    client.v1.refunds.create({"payment_intent": intent["id"]})
    charge = client.v1.charges.retrieve(captured["latest_charge"]["id"])
    assert (charge.amount_refunded, charge.refunded) == (10_000, True)


def test_an_authorisation_that_nobody_captures_expires(
    client: stripe.StripeClient, pay: Any, control: Any
) -> None:
    intent = pay(capture_method="manual")
    control.post("/clock/advance", seconds=8 * 86_400)
    expired = client.v1.payment_intents.retrieve(intent["id"])
    assert (expired.status, expired.cancellation_reason) == ("canceled", "automatic")
    assert client.v1.balance_transactions.list().data == []


def test_cancel(client: stripe.StripeClient) -> None:
    intent = client.v1.payment_intents.create({"amount": 500, "currency": "usd"})
    canceled = client.v1.payment_intents.cancel(intent.id, {"cancellation_reason": "abandoned"})
    assert (canceled.status, canceled.cancellation_reason) == ("canceled", "abandoned")


@pytest.mark.parametrize(
    ("changes", "code", "param"),
    [
        ({"amount": 49}, "amount_too_small", "amount"),
        ({"amount": -5}, "parameter_invalid_integer", "amount"),
        ({"amount": 10**9}, "amount_too_large", "amount"),
        ({"amount": "ten"}, "parameter_invalid_integer", "amount"),
        ({"currency": "xxz"}, None, "currency"),
        ({"currency": "irr"}, None, "currency"),
        ({"currency": "XAU"}, None, "currency"),
        ({"amount": 1_001, "currency": "kwd"}, None, "amount"),
        ({"customer": "cus_none"}, "resource_missing", "customer"),
        ({"payment_method": "pm_none"}, "resource_missing", "payment_method"),
        ({"application_fee_amount": 3}, "parameter_unknown", "application_fee_amount"),
        ({"metadata": {"k": "v" * 501}}, None, "metadata[k]"),
    ],
)
def test_a_bad_parameter_is_named(pay: Any, changes: Any, code: str | None, param: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        pay(**changes)
    assert (caught.value.http_status, caught.value.code, caught.value.param) == (400, code, param)


def test_a_missing_parameter_and_a_missing_object(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.payment_intents.create({"currency": "usd"})  # type: ignore[typeddict-item]
    assert (caught.value.code, caught.value.param) == ("parameter_missing", "amount")
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.payment_intents.retrieve("pi_none")
    assert (caught.value.http_status, caught.value.code) == (404, "resource_missing")


@pytest.mark.parametrize(
    ("currency", "amount", "fee"),
    [("jpy", 1_000, 59), ("kwd", 10_000, 320), ("bhd", 12_340, 390), ("usd", 50, 31), ("usd", 1_017, 59)],
)
def test_the_fee_is_rounded_to_what_the_currency_has(pay: Any, currency: str, amount: int, fee: int) -> None:
    booked = pay(amount=amount, currency=currency)["latest_charge"]["balance_transaction"]
    assert (booked["fee"], booked["net"], booked["currency"]) == (fee, amount - fee, currency)
