"""Subscribers over a year: they ask over HTTP, Stripe's clock moves on, and after every step all is compared.

What is expected is worked out here from catalogue prices, periods and the calendar, not asked of the rules.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import msgspec

from api.app import create_app
from api.http.auth import mint
from api.services import Composition, Services
from api.settings import Settings
from ledger.catalogue import DEFAULT_CATALOGUE
from ledger.features import access
from ledger.money import round_half_up
from tests.api.stripe.subscribers import Subscribers, turn
from tests.api.stripe.world import Bench, World
from tests.api.support import Caller, lifespan

FEATURES = ("view_courses", "sell_courses", "sso_integration")
"""Of every tier, of those that are paid, and of the highest alone."""
_PLAN = ("subscription_create", "subscription_cycle")

_UNBALANCED = """
    SELECT position, currency FROM postings
    GROUP BY position, currency HAVING sum(amount_minor) <> 0
"""
_DEFERRED = """
    SELECT party, sum(credit_minor - debit_minor)::bigint AS minor
    FROM balances WHERE account = '2000' GROUP BY party
"""
_LINES = """
    SELECT i.subscription_id, i.billing_reason, i.settled_at, i.service_ended_at,
        l.amount_minor, l.period_start, l.period_end
    FROM invoice_lines AS l JOIN invoices AS i USING (stripe_invoice_id)
    WHERE i.status = 'paid' AND i.total_minor > 0
"""
_INVOICES = "SELECT * FROM invoices ORDER BY position"


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What a user should have now."""

    status: str
    tier: str = "pro"
    past_due_since: datetime | None = None


class Person:
    """A user with a subscription, through the API."""

    def __init__(self, year: Year, user_id: str) -> None:
        self._year, self.user_id = year, user_id
        self._call = year.caller(user_id, "student")

    async def get(self, path: str) -> Any:
        return _answer(await self._call.get(path))

    async def subscribe(self, tier: str = "pro", **body: Any) -> Any:
        return _answer(await self._call.subscribe(tier, "pm_card_visa", **body), 201)

    async def wish(self, what: str, *, method: str = "POST", **body: Any) -> Any:
        return _answer(await self._call.wish(what, method=method, **body))

    async def card_turns(self, into: str) -> None:
        """The bank changes its mind about the card that is charged."""
        current = await self.get("/api/subscriptions/current")
        turn(self._year.bench, current["subscription"]["payment_method"], into)

    async def invoices(self) -> list[dict[str, Any]]:
        """Oldest first."""
        return [row for row in await self._year.world.rows(_INVOICES) if row["user_id"] == self.user_id]

    async def is_as(self, expected: Plan | None) -> None:
        """The plan that the API tells, and what it lets the user do; None is no subscription."""
        current = await self.get("/api/subscriptions/current")
        told = current["subscription"]
        now = self._year.world.clock.now()
        if expected is None:
            assert told is None
            expected = Plan(status="", tier="free")
        else:
            assert told is not None, self.user_id
            assert (told["status"], told["tier"]) == (expected.status, expected.tier), self.user_id
        for key in FEATURES:
            right = access(
                expected.tier, expected.status, now, expected.past_due_since, DEFAULT_CATALOGUE, key
            )
            shown = await self.get(f"/api/features/{key}/check")
            assert (shown["allowed"], shown["reason"], shown["tier"]) == (
                right.allowed,
                right.reason,
                right.tier,
            ), (self.user_id, key)


class Year:
    """One application, one Stripe, one clock."""

    def __init__(self, world: World, bench: Bench, services: Services, client: httpx.AsyncClient) -> None:
        self.world, self.bench = world, bench
        self._services, self._client = services, client
        self._life = Subscribers(world, bench)
        self.folder = services.settings.data_dir
        self._expected: dict[str, tuple[Person, Plan | None]] = {}

    def caller(self, user_id: str, role: str) -> Caller:
        return Caller(self._client, user_id, mint(self._services.settings, user_id, [role]))

    def person(self, user_id: str) -> Person:
        return Person(self, user_id)

    async def expect(self, person: Person, plan: Plan | None) -> None:
        """From now on, until something else is expected; and compare everything."""
        self._expected[person.user_id] = (person, plan)
        await self.compare()

    async def go_to(self, moment: datetime) -> None:
        """Stripe's clock moves there, its webhooks come, and the worker does what is due."""
        self.bench.advance(moment - self.bench.now(), self.world)
        await self._life.hear()
        await self._life.work()
        await self._life.hear()
        await self._life.work()

    async def work(self) -> None:
        """What a request set off: webhooks, effects, tables."""
        await self._life.hear()
        await self._life.work()

    async def compare(self) -> None:
        for person, plan in self._expected.values():
            await person.is_as(plan)
        assert await self.world.rows(_UNBALANCED) == []
        await self._compare_deferred()
        await self._compare_periods()
        await self.compare_with_stripe()

    async def _compare_deferred(self) -> None:
        """By contract: what was paid for, less what the days that are over have earned of it. What came in
        late is earned for its first days on the day that it came in; nothing is owed of a service that ended.
        """
        closed = datetime.combine(self.world.clock.now().date(), time(), UTC)
        owed: dict[str, int] = defaultdict(int)
        for line in await self.world.rows(_LINES):
            if line["service_ended_at"] is None:
                earned = _earned(line, closed) if line["settled_at"] < closed else 0
                owed[line["subscription_id"]] += line["amount_minor"] - earned
        held = _present({row["party"]: row["minor"] for row in await self.world.rows(_DEFERRED)})
        expected = _present(owed)
        assert held == expected, f"{held}, not {expected}, when all was closed up to {closed}"

    async def _compare_periods(self) -> None:
        """Of each subscription: one paid invoice for a period, the next begins where it ends."""
        paid: dict[str, list[tuple[datetime, datetime]]] = defaultdict(list)
        for line in await self.world.rows(_LINES):
            if line["billing_reason"] in _PLAN:
                paid[line["subscription_id"]].append((line["period_start"], line["period_end"]))
        for periods in paid.values():
            assert len(set(periods)) == len(periods)
            for before, after in pairwise(sorted(periods)):
                assert before[1] == after[0]

    async def compare_with_stripe(self) -> None:
        assert _present(await self.world.stripe_in_books()) == _present(await self.world.stripe_balance())

    async def deferred(self, start: datetime, end: datetime) -> list[dict[str, Any]]:
        """The roll-forward of account 2000, as an admin asks for it."""
        params = {"from": start.isoformat(), "to": end.isoformat()}
        admin = self.caller("usr_admin", "admin")
        items: list[dict[str, Any]] = _answer(await admin.get("/api/revenue/deferred", params=params))[
            "items"
        ]
        return items


def _earned(line: dict[str, Any], at: datetime) -> int:
    """Straight line by the second."""
    length = line["period_end"] - line["period_start"]
    gone = min(max(at - line["period_start"], timedelta(0)), length)
    second = timedelta(seconds=1)
    return round_half_up(line["amount_minor"] * (gone // second), length // second)


def _present(amounts: dict[str, int]) -> dict[str, int]:
    return {name: minor for name, minor in amounts.items() if minor}


def _answer(response: httpx.Response, status: int = 200) -> Any:
    assert response.status_code == status, response.text
    return response.json()


@asynccontextmanager
async def open_year(world: World, bench: Bench, database_url: str, folder: Path) -> AsyncIterator[Year]:
    """The application with the world's own gateway, so that a request reaches the sandbox."""
    found: list[Services] = []

    @asynccontextmanager
    async def outside(*_: object) -> AsyncIterator[Any]:
        yield world

    @asynccontextmanager
    async def remember(services: Services) -> AsyncIterator[None]:
        found.append(services)
        yield

    settings = Settings(data_dir=folder, rate_limit_burst=100_000, rate_limit_per_minute=1_000_000)
    app = create_app(
        Composition(settings, database_url, open_stripe=outside, background=(remember,), clock=world.clock)
    )
    async with lifespan(app):
        transport = httpx.ASGITransport(app)  # type: ignore[arg-type]  # ASGI is typed twice
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            yield Year(world, bench, found[0], client)
