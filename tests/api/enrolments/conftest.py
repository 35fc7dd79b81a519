"""The application with the sandbox as its Stripe, a course for sale, and a worker for where requests stop."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from psycopg import AsyncConnection
from stripe import StripeClient

from api.background.deliveries import Worker
from api.background.outside import Outside
from api.clock import SandboxClock
from api.enrolments.reservations import expire_reservations
from api.settings import Settings
from api.stripe.contact import Contact
from api.stripe.delivery import Delivered
from api.stripe.gateway import StripeGateway
from api.stripe.objects import StripeEvent
from api.stripe.payments import lookup
from api.webhooks.routes import record
from ledger.effects import Effect, kind_of
from ledger.message import Origin, Recorded
from ledger.store import Store, conninfo
from tests.api.courses import ways
from tests.api.stripe.conftest import bench, client, sandbox
from tests.api.stripe.world import DUE_NOW, Bench
from tests.api.support import Caller, Running, Unsent, running, until

__all__ = ["bench", "client", "sandbox"]
AUTHOR = "usr_ivy"


class DyingGateway(StripeGateway):
    """Delivers at once, but for the effect at which the process dies."""

    dies_at: type[Any] | None = None

    async def deliver_now(self, effect: Effect, origin: Origin, cause: Recorded | None = None) -> Delivered:
        if self.dies_at is not None and kind_of(effect) == self.dies_at.__struct_config__.tag:
            return Delivered()
        return await super().deliver_now(effect, origin, cause)


class SandboxStripe:
    """What the application takes for Stripe, and the clock."""

    def __init__(self, client: StripeClient) -> None:
        self.client, self.clock = client, SandboxClock()
        self.gateway: DyingGateway
        self.store: Store

    def now(self) -> datetime:
        return self.clock.now()

    @asynccontextmanager
    async def open(self, store: Store, _contact: Contact) -> AsyncIterator[Any]:
        self.store, self.gateway = store, DyingGateway(store, self.client, self.clock)
        yield SimpleNamespace(gateway=self.gateway, client=self.client)


class Market:
    """Who buys, what is for sale, and what Stripe and the books say of it."""

    def __init__(self, app: Running, stripe: SandboxStripe, bench: Bench, database_url: str) -> None:
        self.app, self.stripe, self.bench, self.url = app, stripe, bench, database_url
        self.course_id = ""

    async def course(self, way: tuple[str, ...] = ways.PUBLISHED, **changes: Any) -> str:
        return await ways.course_of(self.app.services, AUTHOR, way, **changes)

    async def buyer(self, user_id: str = "usr_ann") -> Caller:
        return self.app.caller(user_id, "student")

    async def enrolments(self, caller: Caller, query: str = "") -> list[dict[str, Any]]:
        await self.app.projected()
        found: list[dict[str, Any]] = (await caller.get(f"/api/enrolments{query}")).json()["items"]
        return found

    async def charged(self) -> list[int]:
        """What Stripe captured, and how often."""
        intents = (await self.stripe.client.v1.payment_intents.list_async({"limit": 100})).data
        return [one.amount_received for one in intents if one.status == "succeeded"]

    async def balances(self) -> dict[str, int]:
        """Of each account and party that has one."""
        await self.app.projected()
        query = "SELECT trim(account || ' ' || party), debit_minor - credit_minor FROM balances"
        async with self.app.services.reading() as connection:
            found = await (await connection.execute(query)).fetchall()
        return {name: int(amount) for name, amount in found if amount}

    async def receive(self) -> None:
        """As if each of Stripe's webhooks had come."""
        since = datetime(2020, 1, 1, tzinfo=UTC)
        events: list[StripeEvent] = [one async for one in lookup.events(self.stripe.client, since=since)]
        for event in reversed(events):
            await record(self.stripe.store, event)

    def working(self) -> AbstractAsyncContextManager[Worker]:
        return Worker(self.url, Outside(self.stripe.gateway, Unsent()), poll_s=0.01, first_delay_s=0.05)

    async def hurry(self) -> None:
        """What waits for a request to deliver it, which will not come any more, is due now."""
        async with self.app.services.reading() as connection:
            await connection.execute(DUE_NOW)

    async def until(self, caller: Caller, status: str) -> None:
        async def is_so() -> bool:
            await self.hurry()
            return [one["status"] for one in await self.enrolments(caller)] == [status]

        await until(is_so)

    async def expire(self) -> int:
        """The worker's job, as the clock has it now."""
        await self.app.projected()
        async with await AsyncConnection.connect(conninfo(self.url), autocommit=True) as conn:
            return await expire_reservations(conn, self.stripe.store, self.stripe.clock)


@pytest.fixture
async def market(
    database_url: str,
    settings: Settings,
    client: StripeClient,
    bench: Bench,
) -> AsyncIterator[Market]:
    played = SandboxStripe(client)
    async with running(settings, database_url, played) as app:
        opened = Market(app, played, bench, database_url)
        opened.course_id = await opened.course()
        yield opened


@pytest.fixture
async def ann(market: Market) -> Caller:
    return await market.buyer()
