from __future__ import annotations

from typing import Any

import pytest
import stripe

from tests.api.sandbox.test_refunds_and_disputes import types

PAGE = {
    "success_url": "https://shop.example/paid?s={CHECKOUT_SESSION_ID}",
    "cancel_url": "https://shop.example/cart",
}
COURSE = {
    "quantity": 2,
    "price_data": {"currency": "usd", "unit_amount": 5_000, "product_data": {"name": "A course"}},
}


def opened(client: stripe.StripeClient, **more: Any) -> Any:
    params: Any = {"mode": "payment", "line_items": [COURSE], **PAGE, **more}
    return client.v1.checkout.sessions.create(params)


def monthly(client: stripe.StripeClient) -> Any:
    return client.v1.prices.create(
        {
            "currency": "usd",
            "unit_amount": 999,
            "recurring": {"interval": "month"},
            "product_data": {"name": "pro"},
        }
    )


def test_a_session_is_paid_and_tells_its_payment_intent_what_it_was_asked(
    client: stripe.StripeClient, control: Any
) -> None:
    session = opened(
        client,
        client_reference_id="user-7",
        payment_intent_data={"metadata": {"payment_id": "pay_7"}, "description": "d"},
    )
    assert (session.status, session.payment_status, session.payment_intent) == ("open", "unpaid", None)
    assert (session.amount_total, session.client_reference_id) == (10_000, "user-7")
    control.post(f"/checkout_sessions/{session.id}/pay")
    paid = client.v1.checkout.sessions.retrieve(session.id, {"expand": ["payment_intent", "line_items"]})
    assert (paid.status, paid.payment_status, paid.url) == ("complete", "paid", None)
    intent = paid.payment_intent
    assert isinstance(intent, stripe.PaymentIntent)
    assert (intent.status, intent.amount, intent.to_dict()["metadata"]) == (
        "succeeded",
        10_000,
        {"payment_id": "pay_7"},
    )
    assert paid.line_items is not None
    assert [(item.quantity, item.amount_total) for item in paid.line_items.data] == [(2, 10_000)]
    assert types(client, "checkout.") == ["checkout.session.completed"]
    by_intent = client.v1.checkout.sessions.list({"payment_intent": intent.id}).data
    assert [one.id for one in by_intent] == [session.id]
    assert client.v1.checkout.sessions.line_items.list(session.id).data[0].description == "A course"


def test_a_declined_card_leaves_the_session_open_for_another_one(
    client: stripe.StripeClient, control: Any
) -> None:
    session = opened(client)
    declined = control.post(
        f"/checkout_sessions/{session.id}/pay", payment_method="pm_card_visa_chargeDeclined"
    )
    assert (declined["status"], declined["url"]) == ("open", session.url)
    paid = control.post(
        f"/checkout_sessions/{session.id}/pay", payment_method="pm_card_threeDSecure2Required"
    )
    assert (paid["status"], paid["payment_intent"]) == ("complete", declined["payment_intent"])


def test_who_fails_the_challenge_of_their_bank_may_try_again(
    client: stripe.StripeClient, control: Any
) -> None:
    session = opened(client)
    after = control.post(
        f"/checkout_sessions/{session.id}/pay",
        payment_method="pm_card_threeDSecure2Required",
        authenticates=False,
    )
    assert after["status"] == "open"
    assert client.v1.payment_intents.retrieve(after["payment_intent"]).status == "requires_payment_method"


def test_a_debit_completes_the_session_and_its_outcome_is_told_later(
    client: stripe.StripeClient, control: Any
) -> None:
    good, bad = (opened(client, payment_method_types=["card", "us_bank_account"]) for _ in range(2))
    for session, account in ((good, "success"), (bad, "accountClosed")):
        paid = control.post(
            f"/checkout_sessions/{session.id}/pay", payment_method=f"pm_usBankAccount_{account}"
        )
        assert (paid["status"], paid["payment_status"]) == ("complete", "unpaid")
    control.post("/clock/advance", seconds=5 * 86_400)
    statuses = [client.v1.checkout.sessions.retrieve(one.id).payment_status for one in (good, bad)]
    assert statuses == ["paid", "unpaid"]
    assert types(client, "checkout.session.async") == [
        "checkout.session.async_payment_succeeded",
        "checkout.session.async_payment_failed",
    ]


def test_a_session_expires_by_the_clock_or_by_a_call_and_takes_no_money_then(
    client: stripe.StripeClient, control: Any
) -> None:
    now = control.get("/clock")["now"]
    by_clock, by_call = opened(client, expires_at=now + 3_600), opened(client)
    control.post(f"/checkout_sessions/{by_call.id}/pay", payment_method="pm_card_visa_chargeDeclined")
    expired = client.v1.checkout.sessions.expire(by_call.id)
    assert (expired.status, expired.url) == ("expired", None)
    assert client.v1.payment_intents.retrieve(str(expired.payment_intent)).status == "canceled"
    with pytest.raises(stripe.InvalidRequestError, match="can be expired"):
        client.v1.checkout.sessions.expire(by_call.id)
    control.post("/clock/advance", seconds=3_700)
    assert client.v1.checkout.sessions.retrieve(by_clock.id).status == "expired"
    assert control.http.post(f"/checkout_sessions/{by_clock.id}/pay").status_code == 400
    assert types(client, "checkout.") == ["checkout.session.expired"] * 2
    assert {one.id for one in client.v1.checkout.sessions.list({"status": "expired"}).data} == {
        by_clock.id,
        by_call.id,
    }


def test_a_subscription_begins_when_its_page_is_paid(client: stripe.StripeClient, control: Any) -> None:
    price = monthly(client)
    session = opened(
        client,
        mode="subscription",
        line_items=[{"price": price.id, "quantity": 1}],
        subscription_data={"metadata": {"subscription_id": "sub_ours"}},
    )
    refused = control.http.post(
        f"/checkout_sessions/{session.id}/pay", json={"payment_method": "pm_card_visa_chargeDeclined"}
    )
    assert refused.status_code == 402
    paid = control.post(f"/checkout_sessions/{session.id}/pay")
    subscription = client.v1.subscriptions.retrieve(paid["subscription"])
    assert (subscription.status, subscription.to_dict()["metadata"]) == (
        "active",
        {"subscription_id": "sub_ours"},
    )
    assert (paid["payment_status"], paid["invoice"]) == ("paid", subscription.latest_invoice)


def test_a_trial_wants_no_payment(client: stripe.StripeClient, control: Any) -> None:
    session = opened(
        client,
        mode="subscription",
        line_items=[{"price": monthly(client).id, "quantity": 1}],
        subscription_data={"trial_period_days": 14},
    )
    paid = control.post(f"/checkout_sessions/{session.id}/pay")
    assert paid["payment_status"] == "no_payment_required"


@pytest.mark.parametrize("trial", [{}, {"subscription_data": {"trial_period_days": 14}}])
def test_a_bank_that_asks_is_answered_on_the_page_before_the_subscription_begins(
    client: stripe.StripeClient, control: Any, trial: Any
) -> None:
    terms: Any = {
        "mode": "subscription",
        "line_items": [{"price": monthly(client).id, "quantity": 1}],
        **trial,
    }
    path = f"/checkout/{opened(client, **terms).id}"
    card = {"payment_method": "pm_card_threeDSecure2Required"}
    asked = control.http.post(path, params=card).headers["location"]
    assert asked == "?asks_for=pm_card_threeDSecure2Required"
    assert "3-D Secure" in control.http.get(path + asked).text
    failed = control.http.post(path, params={**card, "outcome": "fail"})
    assert failed.headers["location"].startswith("?said=")
    assert client.v1.subscriptions.list({"status": "all"}).data == []
    done = control.http.post(path, params={**card, "outcome": "pass"})
    assert done.headers["location"].startswith("https://shop.example/paid")
    [begun] = client.v1.subscriptions.list().data
    assert (begun.status, begun.pending_setup_intent) == ("trialing" if trial else "active", None)
    [session] = client.v1.checkout.sessions.list().data
    assert session.payment_status == ("no_payment_required" if trial else "paid")


def test_a_card_that_is_declined_after_its_bank_was_answered_begins_nothing(
    client: stripe.StripeClient, control: Any
) -> None:
    line = {"price": monthly(client).id, "quantity": 1}
    path = f"/checkout_sessions/{opened(client, mode='subscription', line_items=[line]).id}/pay"
    card = {"payment_method": "pm_card_threeDSecureRequiredChargeDeclined"}
    declined = control.http.post(path, json=card)
    assert (declined.status_code, declined.json()["error"]["code"]) == (402, "card_declined")
    assert client.v1.subscriptions.list({"status": "all"}).data == []


@pytest.mark.parametrize(
    ("wrong", "param"),
    [
        ({"success_url": "javascript:alert(1)"}, "success_url"),
        ({"line_items": []}, "line_items"),
        ({"expires_at": 1}, "expires_at"),
        ({"subscription_data": {"trial_period_days": 1}}, "subscription_data"),
        ({"customer": "cus_none"}, "customer"),
    ],
)
def test_what_makes_no_page_is_refused(
    client: stripe.StripeClient, wrong: dict[str, Any], param: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        opened(client, **wrong)
    assert caught.value.param == param


def test_the_page_is_for_people(client: stripe.StripeClient, control: Any) -> None:
    session = opened(client)
    path = f"/checkout/{session.id}"
    page = control.http.get(path)
    assert page.headers["content-type"].startswith("text/html")
    assert "https://shop.example/cart" in page.text
    assert "A course" in page.text
    declined = control.http.post(path, params={"payment_method": "pm_card_visa_chargeDeclined"})
    assert declined.headers["location"].startswith("?said=")
    done = control.http.post(path, params={"payment_method": "pm_card_visa"})
    assert (done.status_code, done.headers["location"]) == (
        303,
        f"https://shop.example/paid?s={session.id}",
    )
    assert "complete" in control.http.get(path).text
