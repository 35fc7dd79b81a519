"""A bank that wants to hear its cardholder asks while they are there, and is told of as long as it waits."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.at_stripe import AtStripe
from tests.api.conftest import OpenApp
from tests.api.stripe.subscribers import turn
from tests.api.support import Caller, Running

ASKS = "pm_card_authenticationRequired"
ASKS_ONCE = "pm_card_authenticationRequiredOnSetup"


@pytest.fixture
async def app(open_at_stripe: OpenApp) -> Running:
    return await open_at_stripe()


async def current(caller: Caller) -> Any:
    return (await caller.get("/api/subscriptions/current")).json()["subscription"]


def setup_of(shown: Any) -> str:
    return str(shown["next_action"]["client_secret"]).partition("_secret_")[0]


async def test_a_trial_asks_its_cardholder_now_and_is_charged_without_them_at_its_end(
    app: Running, student: Caller, at_stripe: AtStripe
) -> None:
    begun = await student.subscribe("pro", ASKS_ONCE, trial=True, key="trial")
    assert (begun.status_code, begun.json()["status"]) == (201, "trialing"), begun.text
    asked = begun.json()["authentication"]
    assert (asked["about"], asked["remedy"]) == ("card", "authenticate")
    assert asked["until"] == begun.json()["trial_end"]
    assert setup_of(begun.json()).startswith("seti_")
    again = await student.subscribe("pro", ASKS_ONCE, trial=True, key="trial")
    assert setup_of(again.json()) == setup_of(begun.json())
    shown = await current(student)
    assert setup_of(shown) == setup_of(begun.json())
    admin = app.caller("usr_admin", "admin")
    seen = await admin.get(f"/api/subscriptions/current?user_id={student.user_id}")
    assert seen.json()["subscription"]["authentication"] == asked
    assert seen.json()["subscription"]["next_action"] is None, "the secret is the cardholder's"

    at_stripe.authenticate(setup_of(shown))
    await at_stripe.settle()
    shown = await current(student)
    assert (shown["authentication"], shown["next_action"]) == (None, None)
    await at_stripe.goes_by(15)
    assert (await current(student))["status"] == "active"


async def test_a_trial_whose_cardholder_said_nothing_tells_why_it_is_past_due_and_what_helps(
    app: Running, student: Caller, at_stripe: AtStripe
) -> None:
    await student.subscribe("pro", ASKS_ONCE, trial=True)
    await at_stripe.goes_by(15)
    shown = await current(student)
    assert shown["status"] == "past_due"
    asked, invoice = shown["authentication"], shown["open_invoice"]
    assert (asked["about"], asked["invoice"], asked["reason"]) == (
        "invoice",
        invoice,
        "authentication_required",
    )
    assert asked["until"] > shown["past_due_since"]
    assert shown["next_action"]["client_secret"].startswith("pi_")
    told = (await student.get(f"/api/invoices/{invoice}")).json()
    assert (told["action_required"], told["authentication"]["until"]) == (True, asked["until"])
    at_stripe.authenticate(setup_of(shown))
    await at_stripe.settle()
    shown = await current(student)
    assert (shown["status"], shown["failure"]) == ("active", None)
    assert (await student.get(f"/api/invoices/{invoice}")).json()["authentication"] is None
    assert shown["authentication"]["about"] == "card", "it was paid once, and still asks at each renewal"
    at_stripe.authenticate(setup_of(shown))
    await at_stripe.settle()
    assert (await current(student))["authentication"] is None


async def test_a_check_that_was_not_completed_asks_for_another_card(
    app: Running, student: Caller, at_stripe: AtStripe
) -> None:
    begun = (await student.subscribe("pro", ASKS, trial=True)).json()
    at_stripe.authenticate(setup_of(begun), "fail")
    await at_stripe.settle()
    shown = await current(student)
    assert (shown["authentication"]["remedy"], shown["next_action"]) == ("other_card", None)
    changed = await student.wish("payment-method", method="PUT", payment_method="pm_card_visa")
    assert (changed.status_code, changed.json()["authentication"]) == (200, None)
    assert (await current(student))["authentication"] is None


async def test_another_card_of_a_subscription_asks_its_cardholder_now(
    app: Running, student: Caller, at_stripe: AtStripe
) -> None:
    await student.subscribe("pro", "pm_card_visa")
    changed = await student.wish("payment-method", method="PUT", payment_method=ASKS_ONCE)
    assert changed.status_code == 200, changed.text
    body = changed.json()
    assert (body["authentication"]["about"], body["authentication"]["until"]) == ("card", body["period_end"])
    at_stripe.authenticate(setup_of(body))
    await at_stripe.settle()
    assert (await current(student))["authentication"] is None
    await at_stripe.goes_by(32)
    assert (await current(student))["status"] == "active"


async def test_a_renewal_that_is_declined_tells_why(
    app: Running, student: Caller, at_stripe: AtStripe
) -> None:
    await student.subscribe("pro", "pm_card_visa")
    card = (await at_stripe.client.v1.subscriptions.list_async()).data[0].default_payment_method
    turn(at_stripe.bench, str(card), "pm_card_visa_chargeDeclinedInsufficientFunds")
    await at_stripe.goes_by(32)
    shown = await current(student)
    assert (shown["status"], shown["failure"]["decline_code"]) == ("past_due", "insufficient_funds")
    assert shown["authentication"] is None
