from __future__ import annotations

from typing import Any

import httpx
import pytest
import stripe

MONTH_S = 31 * 86_400
NEVER: Any = {"enabled": True, "allow_redirects": "never"}


@pytest.fixture
def set_up(client: stripe.StripeClient) -> Any:
    """Saves a card of a new customer; answers with the SetupIntent."""

    def run(card: str, **more: Any) -> Any:
        fields = {"customer": client.v1.customers.create().id, "payment_method": card, "confirm": True}
        sent: Any = fields | {"automatic_payment_methods": NEVER} | more
        return client.v1.setup_intents.create(sent).to_dict()

    return run


def test_a_card_that_asks_nothing_is_saved_at_once(client: stripe.StripeClient, set_up: Any) -> None:
    made = set_up("pm_card_visa", metadata={"user": "1"})
    assert (made["status"], made["usage"], made["next_action"]) == ("succeeded", "off_session", None)
    saved = client.v1.customers.payment_methods.list(made["customer"]).data
    assert [method.id for method in saved] == [made["payment_method"]]
    found = client.v1.setup_intents.list({"customer": made["customer"]}).data
    assert [one.id for one in found] == [made["id"]]
    assert client.v1.setup_intents.list({"payment_method": "pm_other"}).data == []
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.setup_intents.cancel(made["id"])
    assert caught.value.code == "setup_intent_unexpected_state"


@pytest.mark.parametrize(("outcome", "becomes"), [("pass", "succeeded"), ("fail", "requires_payment_method")])
def test_a_card_that_asks_waits_for_its_cardholder(
    client: stripe.StripeClient, set_up: Any, control: Any, outcome: str, becomes: str
) -> None:
    made = set_up("pm_card_authenticationRequired")
    assert (made["status"], made["next_action"]["type"]) == ("requires_action", "use_stripe_sdk")
    assert client.v1.customers.payment_methods.list(made["customer"]).data == []
    ended = control.post(f"/setup_intents/{made['id']}/authenticate", outcome=outcome)
    assert ended["status"] == becomes
    saved = client.v1.customers.payment_methods.list(made["customer"]).data
    assert len(saved) == (outcome == "pass")
    types = [event.type for event in client.v1.events.list({"type": "setup_intent.*"}).data]
    last = "setup_intent.succeeded" if outcome == "pass" else "setup_intent.setup_failed"
    assert types == [last, "setup_intent.requires_action", "setup_intent.created"]


def test_the_cardholder_comes_back_from_the_page(client: stripe.StripeClient, set_up: Any) -> None:
    more = {"automatic_payment_methods": {"enabled": True}, "return_url": "https://shop.example/back?a=1"}
    made = set_up("pm_card_threeDSecure2Required", **more)
    url = made["next_action"]["redirect_to_url"]["url"]
    assert "to save a card" in httpx.get(url).text
    answer = httpx.post(url, params={"outcome": "pass"})
    assert answer.headers["Location"].startswith(f"https://shop.example/back?a=1&setup_intent={made['id']}&")
    assert "Nothing to do" in httpx.get(url).text


def test_a_card_that_declines_is_not_saved(client: stripe.StripeClient, set_up: Any) -> None:
    with pytest.raises(stripe.CardError) as caught:
        set_up("pm_card_visa_chargeDeclinedLostCard")
    body: Any = caught.value.json_body
    assert body["error"]["decline_code"] == "lost_card"
    (failed,) = client.v1.setup_intents.list().data
    assert (failed.status, failed.last_setup_error and failed.last_setup_error.code) == (
        "requires_payment_method",
        "card_declined",
    )


def test_one_is_made_first_and_confirmed_or_canceled_later(client: stripe.StripeClient) -> None:
    customer = client.v1.customers.create().id
    card_only: Any = {"customer": customer, "payment_method_types": ["card"]}
    made = client.v1.setup_intents.create(card_only)
    with pytest.raises(stripe.InvalidRequestError, match="missing a payment method"):
        client.v1.setup_intents.confirm(made.id)
    client.v1.setup_intents.update(made.id, {"description": "for later"})
    done = client.v1.setup_intents.confirm(made.id, {"payment_method": "pm_card_visa"})
    assert (done.status, done.description) == ("succeeded", "for later")
    other = client.v1.setup_intents.create({"customer": customer})
    canceled = client.v1.setup_intents.cancel(other.id, {"cancellation_reason": "abandoned"})
    assert (canceled.status, canceled.cancellation_reason) == ("canceled", "abandoned")
    with pytest.raises(stripe.InvalidRequestError, match="return_url"):
        client.v1.setup_intents.create({"payment_method": "pm_card_visa", "confirm": True})


def test_only_a_card_that_was_set_up_is_charged_without_its_cardholder(
    client: stripe.StripeClient, set_up: Any, control: Any, pay: Any
) -> None:
    """Being attached is not being set up."""
    card = "pm_card_authenticationRequiredOnSetup"
    customer = client.v1.customers.create().id
    attached = client.v1.payment_methods.attach(card, {"customer": customer}).id
    with pytest.raises(stripe.CardError) as caught:
        pay(attached, customer=customer, off_session=True)
    assert caught.value.code == "authentication_required"
    made = set_up(card)
    control.post(f"/setup_intents/{made['id']}/authenticate", outcome="pass")
    paid = pay(made["payment_method"], customer=made["customer"], off_session=True)
    assert paid["status"] == "succeeded"


def test_a_trial_sets_its_card_up(
    client: stripe.StripeClient, subscribe: Any, frozen: int, control: Any
) -> None:
    made = subscribe("pm_card_authenticationRequiredOnSetup", trial_period_days=14)
    assert made["status"] == "trialing"
    setup = client.v1.setup_intents.retrieve(made["pending_setup_intent"])
    assert (setup.status, setup.customer) == ("requires_action", made["customer"])
    control.post(f"/setup_intents/{setup.id}/authenticate", outcome="pass")
    assert client.v1.subscriptions.retrieve(made["id"]).pending_setup_intent is None
    control.post("/clock/advance", seconds=15 * 86_400)
    assert client.v1.subscriptions.retrieve(made["id"]).status == "active"
    assert subscribe(trial_period_days=14)["pending_setup_intent"] is None


def test_a_trial_whose_card_was_not_set_up_asks_at_its_end(
    client: stripe.StripeClient, subscribe: Any, frozen: int, control: Any, seen: Any
) -> None:
    made = subscribe("pm_card_authenticationRequiredOnSetup", trial_period_days=14)
    control.post("/clock/advance", seconds=15 * 86_400)
    assert client.v1.subscriptions.retrieve(made["id"]).status == "past_due"
    assert "invoice.payment_action_required" in seen()


def test_another_card_of_a_subscription_is_set_up_and_the_one_before_is_not_waited_for(
    client: stripe.StripeClient, subscribe: Any, frozen: int
) -> None:
    made = subscribe()
    cards = [
        client.v1.payment_methods.attach("pm_card_authenticationRequired", {"customer": made["customer"]}).id
        for _ in range(2)
    ]
    first, second = (
        client.v1.subscriptions.update(made["id"], {"default_payment_method": card}).pending_setup_intent
        for card in cards
    )
    assert client.v1.setup_intents.retrieve(str(first)).status == "canceled"
    assert client.v1.setup_intents.retrieve(str(second)).payment_method == cards[1]
    client.v1.subscriptions.cancel(made["id"])
    assert client.v1.setup_intents.retrieve(str(second)).status == "canceled"


def test_the_same_card_has_one_fingerprint(client: stripe.StripeClient) -> None:
    names = ("pm_card_visa", "pm_card_visa", "pm_card_mastercard", "pm_card_visa_debit")
    methods = [client.v1.payment_methods.retrieve(name) for name in names]
    first, again, *others = [method.card.fingerprint for method in methods if method.card]
    assert first == again
    assert len({first, *others}) == 3
    assert len({method.id for method in methods}) == 4


def test_a_deleted_customer_leaves_its_cards_to_nobody(client: stripe.StripeClient, set_up: Any) -> None:
    made = set_up("pm_card_visa")
    client.v1.customers.delete(made["customer"])
    assert client.v1.payment_methods.retrieve(made["payment_method"]).customer is None
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.customers.payment_methods.list(made["customer"])
    assert (caught.value.code, caught.value.param) == ("resource_missing", "customer")
    with pytest.raises(stripe.InvalidRequestError, match="may not be used again"):
        set_up(made["payment_method"])
    other = client.v1.customers.create().id
    with pytest.raises(stripe.InvalidRequestError, match="may not be used again"):
        client.v1.payment_methods.attach(made["payment_method"], {"customer": other})
