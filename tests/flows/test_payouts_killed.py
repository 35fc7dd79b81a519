"""kill -9 in the middle of a payout, asked for or of a run, right before each fact: each is made once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import chain
from typing import Any

import httpx
import psycopg
import pytest

from ledger.earnings.commands import AccrueEarnings
from ledger.earnings.terms import Reckoning
from ledger.message import Origin
from ledger.store import Store
from tests.flows.chaos import City
from tests.flows.killing import await_held, end_held, holding, killed_before
from tests.service import eventually

pytestmark = pytest.mark.postgres

SYSTEM = Origin(actor="worker", roles=frozenset({"system"}))
RECKONING = Reckoning(price_currency="usd", basis_minor=0, share_bp=7_000, part_bp=10_000)
PAYOUT = ("earnings.payout_reserved.v1", "earnings.payout_transferred.v1")


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    with City(tmp_path_factory.mktemp("paid"), seed=0) as opened:
        yield opened


@pytest.fixture(scope="module")
def owner(city: City) -> Iterator[psycopg.Connection[Any]]:
    with city.database() as conn:
        assert city.node.service.pay(1_000_000, card="pm_card_bypassPending").status_code == 201
        yield conn


def teacher(city: City, user: str) -> None:
    """Onboarded, with 70.00 that are available."""
    made = post(city, "/api/instructor/account", user, {"country": "US"})
    assert made.status_code == 201, made.text
    city.stripe.control("POST", f"/accounts/{made.json()['stripe_account_id']}/onboard", {})
    looked = post(city, "/api/instructor/account/refresh", user, {})
    assert looked.json()["can_be_paid"], looked.text
    with city.database_url() as url:
        asyncio.run(_earn(url, user))
    eventually(lambda: available(city, user) == 7_000)


async def _earn(url: str, user: str) -> None:
    now = datetime.now(UTC)
    command = AccrueEarnings(
        command_id=f"earned:{user}",
        effective_at=now,
        user_id=user,
        currency="usd",
        kind="sale",
        amount_minor=7_000,
        available_on=now.date() - timedelta(days=2),
        course_id="crs_1",
        payment_id=f"pay_{user}",
        cause_position=1,
        reckoning=RECKONING,
    )
    async with Store.open(url) as store:
        await store.handle(command, SYSTEM)


def post(city: City, path: str, user: str, body: dict[str, Any]) -> httpx.Response:
    return city.node.service.post(path, body, user=user, role="instructor", key="once")


def ask(city: City, user: str) -> httpx.Response:
    return post(city, "/api/payouts", user, {"currency": "usd"})


def available(city: City, user: str) -> int:
    shown = city.node.service.get("/api/instructor/earnings", user=user, role="instructor")
    return sum(one["available_minor"] for one in shown["totals"])


def paid(city: City, user: str) -> tuple[list[int], list[str]]:
    """The amounts of the user's transfers at Stripe, and how their payouts stand here."""
    amounts = [one["amount"] for one in city.stripe.all("transfers") if one["metadata"]["user_id"] == user]
    shown = city.node.service.get("/api/payouts", user=user, role="instructor")
    return amounts, [one["status"] for one in shown["items"]]


def test_a_payout_that_is_asked_for_and_killed_at_any_step_is_made_once(
    city: City, owner: psycopg.Connection[Any]
) -> None:
    teachers = {kind: f"usr_asked_{number}" for number, kind in enumerate(PAYOUT)}
    for kind, user in teachers.items():
        teacher(city, user)
        killed_before(city, owner, kind, partial(ask, city, user))
        repeated = ask(city, user)
        # the run of the service that was started again may have been quicker
        assert repeated.status_code in {201, 202, 409}, repeated.text
    city.settle(catch_up=False)
    for user in teachers.values():
        assert paid(city, user) == ([7_000], ["transferred"])
        assert available(city, user) == 0


def test_a_run_that_is_killed_at_any_step_pays_everybody_once(
    city: City, owner: psycopg.Connection[Any]
) -> None:
    """The worker runs as it starts."""
    teachers = {kind: [f"usr_run_{number}_{each}" for each in range(2)] for number, kind in enumerate(PAYOUT)}
    for kind, users in teachers.items():
        for user in users:
            teacher(city, user)
        city.node.kill()
        with holding(owner, kind):
            city.node.start()
            await_held(owner)
            city.node.kill()
            end_held(owner)
        city.node.start()
    city.settle(catch_up=False)
    for user in chain.from_iterable(teachers.values()):
        assert paid(city, user) == ([7_000], ["transferred"])
