"""What subscribers are told, from what happens at Stripe to the letter."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from api.email.mailer import Mailer
from tests.api.at_stripe import AtStripe
from tests.api.conftest import OpenApp
from tests.api.courses import ways
from tests.api.email.conftest import Taking
from tests.api.email.test_mailer import body
from tests.api.stripe.subscribers import turn
from tests.api.support import Caller


@pytest.fixture
async def inbox(open_at_stripe: OpenApp, at_stripe: AtStripe) -> AsyncIterator[Taking]:
    app, inbox = await open_at_stripe(), Taking()
    async with Mailer.open(app.services, inbox) as at_stripe.mailer:
        yield inbox


@pytest.fixture
async def ann(inbox: Taking, at_stripe: AtStripe) -> Caller:
    caller = at_stripe.app.caller("usr_ann", "student")
    contact = {"email": "ann@example.org", "name": "Ann", "time_zone": "Europe/Berlin"}
    assert (await caller("PUT", "/api/me", json=contact)).status_code == 200
    return caller


def subjects(inbox: Taking) -> list[str]:
    """New ones, in the order of their sending."""
    found = [str(one["Subject"]) for one in inbox.messages]
    inbox.taken.clear()
    return found


async def test_a_subscription_is_told_from_its_trial_to_its_end(
    inbox: Taking, ann: Caller, at_stripe: AtStripe
) -> None:
    await ann.subscribe("pro", "pm_card_visa", trial=True)
    await at_stripe.settle()
    assert subjects(inbox) == []
    await at_stripe.goes_by(12)
    [ending] = subjects(inbox)
    assert ending.startswith("Your trial ends on ")
    await at_stripe.goes_by(3)
    assert subjects(inbox) == ["Your plan was renewed: USD 9.99"]
    [known] = (await at_stripe.client.v1.subscriptions.list_async()).data
    turn(at_stripe.bench, str(known.default_payment_method), "pm_card_chargeCustomerFail")
    await at_stripe.goes_by(31)
    assert subjects(inbox) == ["Your payment of USD 9.99 failed"]
    for _ in range(8):
        await at_stripe.goes_by(7)
    told = subjects(inbox)
    assert told[-1] == "Your plan Pro has ended"
    assert {*told[:-1]} == {"Your payment of USD 9.99 failed"}


async def test_a_cancellation_is_told_and_what_was_given_back(
    inbox: Taking, ann: Caller, at_stripe: AtStripe
) -> None:
    await ann.subscribe("pro", "pm_card_visa")
    await at_stripe.settle()
    [receipt] = inbox.messages
    assert str(receipt["Subject"]).startswith("Receipt ")
    assert [one.get_content_type() for one in receipt.iter_attachments()] == ["application/pdf"]
    subjects(inbox)
    await ann.wish("cancel")
    await at_stripe.settle()
    [cancelled] = subjects(inbox)
    assert cancelled.startswith("Your plan ends on ")
    [invoice] = (await ann.get("/api/invoices")).json()["items"]
    finance = at_stripe.app.caller("usr_root", "admin")
    wish = {"reason": "order_change", "amount_minor": 400, "note": "as agreed"}
    credited = await finance("POST", f"/api/invoices/{invoice['invoice_id']}/credit", key="back", json=wish)
    assert credited.status_code == 201, credited.text
    await at_stripe.settle()
    assert subjects(inbox) == ["Your refund of USD 4.00"]


async def test_a_course_is_told_to_who_learns_and_what_a_gift_cost_to_who_gave_it_alone(
    inbox: Taking, ann: Caller, at_stripe: AtStripe
) -> None:
    course_id = await ways.course_of(at_stripe.app.services, "usr_ivy", ways.PUBLISHED)
    bob = at_stripe.app.caller("usr_bob", "student")
    assert (await bob("PUT", "/api/me", json={"email": "bob@example.org", "name": "Bob"})).status_code == 200
    assert (await ann.buy(course_id)).status_code == 201
    await at_stripe.settle()
    receipt, course = subjects(inbox)
    assert (receipt, course) == ("Receipt P-000001: USD 49.00", "Your course: Statistics")
    given = await ann.buy(course_id, gift_to="usr_bob")
    assert given.status_code == 201, given.text
    await at_stripe.settle()
    paid, had = inbox.messages
    assert (paid["To"], had["To"]) == ("Ann <ann@example.org>", "Bob <bob@example.org>")
    told = body(had, "plain")
    assert "You were given the course Statistics" in told
    assert "49" not in told
