from __future__ import annotations

from urllib.parse import urlsplit

import httpx

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


async def test_nobody_is_sent_back_to_a_site_that_is_not_allowed(refused: Caller) -> None:
    wish = {"return_url": "https://evil.example/"}
    assert (await refused("POST", "/api/billing-portal", key="p", json=wish)).status_code == 422
