from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from api.sandbox.errors import invalid
from api.sandbox.resources.billing import portal
from api.stripe import customers
from tests.api.checkout.pages import SITE, Pages
from tests.api.enrolments.conftest import Market
from tests.api.support import Caller, problem, until

WISH = {"return_url": f"{SITE}/account"}


async def test_what_is_changed_in_the_customer_portal_is_followed(
    pages: Pages, market: Market, ann: Caller
) -> None:
    nobody = await ann("POST", "/api/billing-portal", key="early", json=WISH)
    assert (nobody.status_code, problem(nobody)["code"]) == (404, "not_found")
    begun = (await ann.subscribe("pro", "pm_card_visa")).json()
    link = await ann("POST", "/api/billing-portal", key="portal", json=WISH)
    assert link.status_code == 201, link.text
    async with httpx.AsyncClient() as browser:
        page = (await browser.get(link.json()["url"])).text
        assert WISH["return_url"] in page
        ours = (await market.stripe.client.v1.subscriptions.list_async()).data[0].id
        assert ours in page
        done = await browser.post(link.json()["url"], params={"subscription": ours, "wish": "cancel"})
        assert urlsplit(done.headers["location"]).path in link.json()["url"]

    async def ends() -> bool:
        await market.hurry()
        shown = (await ann.get("/api/subscriptions/current")).json()["subscription"]
        return bool(shown["cancel_at"] == begun["period_end"])

    async with market.working():
        await market.receive()
        await until(ends)


async def test_a_portal_that_stripe_does_not_open_is_a_refusal_and_of_who_is_gone_there_is_none(
    market: Market, ann: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ann.subscribe("pro", "pm_card_visa")

    def not_configured(*_: Any) -> None:
        raise invalid("No configuration was provided, and there is no default one.")

    with monkeypatch.context() as stripe:
        stripe.setattr(portal, "check_url", not_configured)
        refused = await ann("POST", "/api/billing-portal", key="portal", json=WISH)
    assert (refused.status_code, problem(refused)["code"]) == (409, "portal_refused")
    assert (await ann("POST", "/api/billing-portal", key="later", json=WISH)).status_code == 201
    [customer] = (await market.stripe.client.v1.customers.list_async()).data
    await market.stripe.client.v1.customers.delete_async(customer.id)
    for key in ("gone", "known to be gone"):
        nobody = await ann("POST", "/api/billing-portal", key=key, json=WISH)
        assert (nobody.status_code, problem(nobody)["code"]) == (404, "not_found")
    state = await customers.customer(market.stripe.store, ann.user_id)
    assert (state.stripe_customer_id, state.latest_former_id) == ("", customer.id)


async def test_nobody_is_sent_back_to_a_site_that_is_not_allowed(refused: Caller) -> None:
    wish = {"return_url": "https://evil.example/"}
    assert (await refused("POST", "/api/billing-portal", key="p", json=wish)).status_code == 422
