"""Orders where the service is killed between two facts: the worker goes on, and everything is done once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from stripe import StripeClient

from api.settings import Settings
from ledger.effects import EnrolMember, FollowEarnings, FollowOrderedCourse, RevokeOrderedCourse
from projections.live import check
from tests.api.enrolments.conftest import AUTHOR, Market, SandboxStripe, bench, client, sandbox
from tests.api.orders.conftest import Buyer
from tests.api.organisations.conftest import Person, found
from tests.api.stripe.world import Bench
from tests.api.support import running, until

__all__ = ["bench", "client", "sandbox"]
TOLD = ("orders", "enrolments", "earnings", "journal")


@pytest.fixture
async def market(
    database_url: str, settings: Settings, client: StripeClient, bench: Bench
) -> AsyncIterator[Market]:
    played = SandboxStripe(client)
    async with running(settings, database_url, played) as app:
        yield Market(app, played, bench, database_url)


async def buyer_at(market: Market) -> Buyer:
    school = await found(market.app)
    buyer = Buyer(school, [await school.join(Person(market.app)) for _ in range(2)])
    buyer.author = AUTHOR
    return buyer


@pytest.mark.parametrize("dies_at", [EnrolMember, FollowOrderedCourse, FollowEarnings])
async def test_wherever_it_is_cut_the_members_have_their_courses_and_instructors_their_part_once(
    market: Market, dies_at: type[Any]
) -> None:
    buyer = await buyer_at(market)
    order_id = (await buyer.ordered(await buyer.course()))["order_id"]
    market.stripe.gateway.dies_at = dies_at
    assert (await buyer.pay(order_id, 9_800)).status_code == 200
    market.stripe.gateway.dies_at = None

    async def is_done() -> bool:
        await market.hurry()
        shown = (await buyer.owner.get(f"/api/enterprise/orders/{order_id}")).json()
        return {item["status"] for item in shown["items"]} == {"given"} and await buyer.earned() == 6_860

    async with market.working():
        await until(is_done)
    assert (await buyer.booked(AUTHOR))["2100"] == -6_860
    assert check(market.url, TOLD).differences == ()


async def test_courses_that_nobody_paid_are_taken_however_late(market: Market) -> None:
    buyer = await buyer_at(market)
    order_id = (await buyer.ordered(await buyer.course(), by=buyer.root, net_days=14))["order_id"]
    market.stripe.gateway.dies_at = RevokeOrderedCourse
    lost = await buyer.root.post(f"/api/enterprise/orders/{order_id}/write-off", reason="Bankrupt")
    assert lost.status_code == 200
    market.stripe.gateway.dies_at = None

    async def is_done() -> bool:
        await market.hurry()
        return [set((await buyer.courses_of(one)).values()) for one in buyer.members] == [{"revoked"}] * 2

    async with market.working():
        await until(is_done)
    assert check(market.url, TOLD).differences == ()
