from __future__ import annotations

from typing import Any

import pytest
import stripe

HOUR_S = 3_600
DAY_S = 86_400


def test_a_trial_ends_with_a_payment(
    client: stripe.StripeClient, subscribe: Any, frozen: int, control: Any, seen: Any
) -> None:
    made = subscribe(trial_period_days=14)
    end = frozen + 14 * DAY_S
    assert (made["status"], made["trial_end"], made["billing_cycle_anchor"]) == ("trialing", end, end)
    assert (made["latest_invoice"]["status"], made["latest_invoice"]["total"]) == ("paid", 0)
    assert made["latest_invoice"]["payments"]["data"] == []
    seen()
    control.post("/clock/advance", seconds=11 * DAY_S)
    assert seen() == ["customer.subscription.trial_will_end"]
    control.post("/clock/advance", seconds=3 * DAY_S)
    active = client.v1.subscriptions.retrieve(made["id"], {"expand": ["latest_invoice"]}).to_dict()
    assert active["status"] == "active"
    assert active["items"]["data"][0]["current_period_start"] == end
    invoice = active["latest_invoice"]
    assert (invoice["billing_reason"], invoice["amount_paid"]) == ("subscription_cycle", 2_000)


def test_a_trial_is_ended_now(client: stripe.StripeClient, subscribe: Any, frozen: int, control: Any) -> None:
    made = subscribe(trial_end=frozen + 30 * DAY_S)
    control.post("/clock/advance", seconds=DAY_S)
    ended = client.v1.subscriptions.update(made["id"], {"trial_end": "now", "expand": ["latest_invoice"]})
    shown = ended.to_dict()
    assert (shown["status"], shown["latest_invoice"]["amount_paid"]) == ("active", 2_000)
    assert shown["trial_end"] == shown["billing_cycle_anchor"] == frozen + DAY_S


@pytest.mark.parametrize(
    ("behavior", "becomes"), [("pause", "paused"), ("cancel", "canceled"), ("create_invoice", "past_due")]
)
def test_a_trial_ends_without_a_card(
    client: stripe.StripeClient,
    subscribe: Any,
    frozen: int,
    control: Any,
    seen: Any,
    behavior: str,
    becomes: str,
) -> None:
    settings = {"end_behavior": {"missing_payment_method": behavior}}
    made = subscribe("", trial_period_days=7, trial_settings=settings)
    control.post("/clock/advance", seconds=7 * DAY_S)
    ended = client.v1.subscriptions.retrieve(made["id"])
    assert ended.status == becomes
    told = {"pause": "customer.subscription.paused", "cancel": "customer.subscription.deleted"}
    assert told.get(behavior, "invoice.payment_failed") in seen()


def test_a_paused_subscription_is_resumed(
    client: stripe.StripeClient, subscribe: Any, frozen: int, control: Any, seen: Any
) -> None:
    settings = {"end_behavior": {"missing_payment_method": "pause"}}
    made = subscribe("", trial_period_days=7, trial_settings=settings)
    control.post("/clock/advance", seconds=60 * DAY_S)
    assert client.v1.subscriptions.retrieve(made["id"]).status == "paused"
    waiting = client.v1.subscriptions.resume(made["id"])
    assert waiting.status == "paused"
    good = client.v1.payment_methods.attach("pm_card_visa", {"customer": made["customer"]}).id
    client.v1.invoices.pay(str(waiting.latest_invoice), {"payment_method": good})
    resumed = client.v1.subscriptions.retrieve(made["id"]).to_dict()
    assert resumed["status"] == "active"
    assert resumed["items"]["data"][0]["current_period_start"] == frozen + 60 * DAY_S
    assert "customer.subscription.resumed" in seen()
    with pytest.raises(stripe.InvalidRequestError, match="Only paused"):
        client.v1.subscriptions.resume(made["id"])


def test_the_first_payment_is_confirmed_by_the_customer(
    client: stripe.StripeClient, subscribe: Any, frozen: int
) -> None:
    made = subscribe(
        "",
        payment_behavior="default_incomplete",
        payment_settings={"save_default_payment_method": "on_subscription"},
    )
    assert (made["status"], made["latest_invoice"]["status"]) == ("incomplete", "open")
    secret = made["latest_invoice"]["confirmation_secret"]["client_secret"]
    intent = secret.split("_secret_")[0]
    assert made["latest_invoice"]["payments"]["data"][0]["payment"]["payment_intent"] == intent
    confirmed = client.v1.payment_intents.confirm(intent, {"payment_method": "pm_card_visa"})
    active = client.v1.subscriptions.retrieve(made["id"])
    assert active.status == "active"
    assert active.default_payment_method == confirmed.payment_method
    assert client.v1.payment_methods.retrieve(str(confirmed.payment_method)).customer == made["customer"]


def test_the_first_payment_needs_a_challenge(
    client: stripe.StripeClient, subscribe: Any, frozen: int, control: Any, seen: Any
) -> None:
    made = subscribe("pm_card_authenticationRequired")
    assert made["status"] == "incomplete"
    assert "invoice.payment_action_required" in seen()
    intent = made["latest_invoice"]["payments"]["data"][0]["payment"]["payment_intent"]
    control.post(f"/payment_intents/{intent}/authenticate", outcome="pass")
    assert client.v1.subscriptions.retrieve(made["id"]).status == "active"


def test_an_incomplete_subscription_expires(
    client: stripe.StripeClient, subscribe: Any, frozen: int, control: Any
) -> None:
    made = subscribe("pm_card_chargeCustomerFail")
    assert (made["status"], made["latest_invoice"]["attempt_count"]) == ("incomplete", 1)
    control.post("/clock/advance", seconds=23 * HOUR_S - 1)
    assert client.v1.subscriptions.retrieve(made["id"]).status == "incomplete"
    control.post("/clock/advance", seconds=1)
    expired = client.v1.subscriptions.retrieve(made["id"], {"expand": ["latest_invoice.payments"]}).to_dict()
    assert (expired["status"], expired["latest_invoice"]["status"]) == ("incomplete_expired", "void")
    payment = expired["latest_invoice"]["payments"]["data"][0]
    assert payment["status"] == "canceled"
    intent = client.v1.payment_intents.retrieve(payment["payment"]["payment_intent"])
    assert (intent.status, intent.cancellation_reason) == ("canceled", "void_invoice")


def test_the_first_payment_must_succeed(
    client: stripe.StripeClient, subscribe: Any, customer: Any, price: Any
) -> None:
    with pytest.raises(stripe.CardError) as declined:
        subscribe("pm_card_chargeCustomerFail", payment_behavior="error_if_incomplete")
    assert declined.value.code == "card_declined"
    with pytest.raises(stripe.CardError) as asked:
        subscribe("pm_card_authenticationRequired", payment_behavior="error_if_incomplete")
    assert asked.value.code == "subscription_payment_intent_requires_action"
    with pytest.raises(stripe.InvalidRequestError, match="no attached payment source"):
        subscribe("")
    assert client.v1.subscriptions.list({"status": "all"}).data == []
    with pytest.raises(stripe.InvalidRequestError, match="No such price"):
        client.v1.subscriptions.create({"customer": customer(), "items": [{"price": "price_none"}]})


def test_prices_are_found_by_lookup_key(client: stripe.StripeClient) -> None:
    def make(**more: Any) -> Any:
        params: Any = {
            "currency": "USD",
            "unit_amount": 900,
            "recurring": {"interval": "month"},
            "product_data": {"name": "Pro"},
            "lookup_key": "pro_month",
        }
        return client.v1.prices.create(params | more)

    def found() -> list[str]:
        return [price.id for price in client.v1.prices.list({"lookup_keys": ["pro_month"]}).data]

    first = make()
    with pytest.raises(stripe.InvalidRequestError, match="already uses that lookup key"):
        make()
    second = make(transfer_lookup_key=True, unit_amount=1_000)
    assert found() == [second.id]
    assert client.v1.prices.retrieve(first.id).lookup_key is None
    client.v1.prices.update(first.id, {"lookup_key": "pro_month", "transfer_lookup_key": True})
    assert found() == [first.id]
    client.v1.prices.update(second.id, {"active": False})
    assert [p.id for p in client.v1.prices.list({"active": True}).data] == [first.id]
    product = client.v1.products.update(str(first.product), {"name": "Pro 2", "active": False})
    assert (product.name, client.v1.products.list({"active": True}).data[0].id) == ("Pro 2", second.product)
