"""One trial for each card, on whichever account, when the operator says so."""

from __future__ import annotations

from typing import Any

import pytest

from api.subscriptions.trial_cards import forget
from tests.api.at_stripe import AtStripe
from tests.api.conftest import OpenApp
from tests.api.support import Caller, Running, problem

SECRET = "a secret of the operator's own".replace(" ", "_") + "_0123456789"


@pytest.fixture
async def app(open_at_stripe: OpenApp) -> Running:
    return await open_at_stripe(trials_by_card_secret=SECRET)


async def rows(app: Running) -> list[Any]:
    async with app.services.reading() as connection:
        found = await connection.execute("SELECT card, user_id, subscription_id FROM trial_cards")
        return await found.fetchall()


async def test_the_same_card_on_another_account_gets_no_second_trial(
    app: Running, student: Caller, other: Caller, at_stripe: AtStripe
) -> None:
    begun = await student.subscribe("pro", "pm_card_visa", trial=True, key="once")
    assert begun.json()["status"] == "trialing"
    assert (await student.subscribe("pro", "pm_card_visa", trial=True, key="once")).status_code == 201
    refused = await other.subscribe("pro", "pm_card_visa", trial=True)
    assert (refused.status_code, problem(refused)["code"]) == (409, "trial_used_with_card")
    assert "without `trial`" in problem(refused)["detail"]
    assert len((await at_stripe.client.v1.subscriptions.list_async()).data) == 1, "nothing was begun"
    another = await other.subscribe("pro", "pm_card_mastercard", trial=True)
    assert another.json()["status"] == "trialing"


async def test_without_a_trial_a_card_is_anybodys(app: Running, student: Caller, other: Caller) -> None:
    await student.subscribe("pro", "pm_card_visa", trial=True)
    begun = await other.subscribe("pro", "pm_card_visa")
    assert (begun.status_code, begun.json()["status"]) == (201, "active")


async def test_a_trial_on_a_page_of_stripes_needs_its_card_first(app: Running, student: Caller) -> None:
    site = "http://localhost/shop"
    page = {"subscription": {"tier": "pro", "trial": True}, "success_url": site, "cancel_url": site}
    refused = await student("POST", "/api/checkout", key="page", json=page)
    assert (refused.status_code, problem(refused)["code"]) == (409, "trial_needs_card")


async def test_without_the_secret_each_user_has_a_trial(open_at_stripe: OpenApp) -> None:
    app = await open_at_stripe()
    for user_id in ("usr_1", "usr_2"):
        begun = await app.caller(user_id, "student").subscribe("pro", "pm_card_visa", trial=True)
        assert begun.json()["status"] == "trialing"
    assert await rows(app) == []


async def test_a_card_whose_trial_came_to_nothing_is_free_again(
    app: Running, student: Caller, other: Caller
) -> None:
    declined = await student.subscribe("pro", "pm_card_visa_chargeDeclined", trial=True)
    assert declined.status_code == 402
    assert await rows(app) == []
    await student.subscribe("pro", "pm_card_visa", trial=True)
    async with app.services.reading() as connection:  # as if its process had died before it was recorded
        await connection.execute("UPDATE trial_cards SET subscription_id = 'sub_lost'")
        assert (await other.subscribe("pro", "pm_card_visa", trial=True)).status_code == 409, "on its way"
        await connection.execute("UPDATE trial_cards SET claimed_at = claimed_at - interval '1 hour'")
    begun = await other.subscribe("pro", "pm_card_visa", trial=True)
    assert begun.json()["status"] == "trialing", begun.text


async def test_what_is_older_than_two_years_is_forgotten(app: Running, student: Caller) -> None:
    await student.subscribe("pro", "pm_card_visa", trial=True)
    async with app.services.reading() as connection:
        assert await forget(connection) == 0
        await connection.execute("UPDATE trial_cards SET claimed_at = claimed_at - interval '731 days'")
        assert await forget(connection) == 1


async def test_only_a_keyed_hash_is_kept_and_who_leaves_is_taken_off_it(
    app: Running, student: Caller, other: Caller
) -> None:
    await student.subscribe("pro", "pm_card_visa", trial=True)
    ((card, user_id, _),) = await rows(app)
    assert (len(card), user_id) == (32, student.user_id)
    async with app.services.reading() as connection:
        facts = await (await connection.execute("SELECT data::text FROM event_log")).fetchall()
    assert "Sandboxvisa" not in str(facts)
    assert bytes(card).hex() not in str(facts)
    assert (await student("DELETE", "/api/me")).status_code == 204
    assert await rows(app) == [(card, None, None)]
    refused = await other.subscribe("pro", "pm_card_visa", trial=True)
    assert refused.status_code == 409, "to leave is no way to another trial"
