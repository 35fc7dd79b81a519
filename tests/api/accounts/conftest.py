"""The application with the sandbox as its Stripe, an instructor, and a worker for where requests stop."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from types import SimpleNamespace
from typing import Any

import httpx
import msgspec
import pytest
from stripe import StripeClient

from api.accounts.owners import TableOwners
from api.background.deliveries import Worker
from api.background.outside import Outside
from api.clock import SandboxClock
from api.sandbox.money import add_balance_transaction
from api.sandbox.resources.connect import accounts, onboarding
from api.sandbox.transaction import Transaction
from api.settings import Settings
from api.stripe.contact import Contact
from api.stripe.objects import StripeEvent
from api.webhooks.routes import record
from ledger.accounts.decider import ACCOUNT
from ledger.accounts.state import Account
from ledger.ids import new_id
from ledger.store import Store, conninfo
from tests.api.enrolments.conftest import DyingGateway
from tests.api.stripe.conftest import bench, client, sandbox
from tests.api.stripe.world import DUE_NOW, Bench
from tests.api.support import Caller, Running, Unsent, running, until

__all__ = ["bench", "client", "sandbox"]


class ConnectStripe:
    """What the application takes for Stripe, and the clock."""

    def __init__(self, client: StripeClient, database_url: str) -> None:
        self.client, self.clock, self._url = client, SandboxClock(), database_url
        self.gateway: DyingGateway
        self.store: Store

    def now(self) -> Any:
        return self.clock.now()

    @asynccontextmanager
    async def open(self, store: Store, _contact: Contact) -> AsyncIterator[Any]:
        owners = TableOwners(conninfo(self._url))
        self.store = store
        self.gateway = DyingGateway(store, self.client, self.clock, owners=owners)
        yield SimpleNamespace(gateway=self.gateway, client=self.client)


class Platform:
    """Ivy, her account, and what Stripe says of it."""

    def __init__(self, app: Running, stripe: ConnectStripe, bench: Bench, database_url: str) -> None:
        self.app, self.stripe, self.bench, self._url = app, stripe, bench, database_url
        self.ivy = app.caller("usr_ivy", "instructor")

    async def post(self, what: str = "", *, key: str = "", **body: Any) -> httpx.Response:
        path = f"/api/instructor/account{what}"
        return await self.ivy("POST", path, key=key or new_id("key"), json=body)

    async def seen(self) -> dict[str, Any]:
        found: dict[str, Any] = (await self.ivy.get("/api/instructor/account")).json()
        return found

    async def opened(self, outcome: onboarding.Outcome | None = None, country: str = "US") -> str:
        """Her account at Stripe, onboarded so; what Stripe tells of it is not heard yet."""
        made = await self.post(country=country)
        assert made.status_code == 201, made.text
        at_stripe = str(made.json()["stripe_account_id"])
        if outcome is not None:
            self.onboard(at_stripe, outcome)
        return at_stripe

    def onboard(self, at_stripe: str, outcome: onboarding.Outcome) -> None:
        def finish(tx: Transaction) -> Any:
            return onboarding.finish(tx, tx.get("account", at_stripe), outcome, due_in_s=14 * 86_400)

        self.bench.does(finish)

    def adjust(self, at_stripe: str, amount: int, currency: str = "usd") -> None:
        """Her balance at Stripe, by that much."""

        def book(tx: Transaction) -> Any:
            with tx.acting_for(at_stripe):
                return add_balance_transaction(
                    tx,
                    kind="adjustment",
                    category="other_adjustment",
                    amount=amount,
                    currency=currency,
                    source=None,
                )

        self.bench.does(book)

    def leave(self, at_stripe: str) -> None:
        self.bench.does(lambda tx: accounts.deauthorize(tx, at_stripe))

    async def at_stripe(self) -> list[str]:
        return [one.id for one in (await self.stripe.client.v1.accounts.list_async()).data]

    async def account(self) -> Account:
        return await self.stripe.store.state(ACCOUNT, "account-usr_ivy")

    async def facts(self) -> list[str]:
        found = await self.stripe.store.read_stream("account-usr_ivy")
        return [one.event.TYPE.removeprefix("accounts.").removesuffix(".v1") for one in found]

    def events(self) -> list[StripeEvent]:
        """All that the sandbox tells of, of connected accounts too, the oldest first."""
        state = self.bench.sandbox.state
        query = "SELECT body FROM objects WHERE id GLOB 'evt_*' ORDER BY rank"
        found = self.bench.sandbox.call(lambda: state.store.rows(query))
        return [msgspec.json.decode(body, type=StripeEvent) for (body,) in found]

    async def receive(self, events: Iterable[StripeEvent]) -> None:
        """As if their webhooks came in this order, applied by the worker."""
        for event in events:
            await record(self.stripe.store, event)
        await self.worked()

    async def receive_shuffled(self, seed: int) -> None:
        """Each twice, in any order."""
        events = self.events() * 2
        random.Random(seed).shuffle(events)  # noqa: S311  repeatable, no secret
        await self.receive(events)

    def working(self) -> AbstractAsyncContextManager[Worker]:
        return Worker(self._url, Outside(self.stripe.gateway, Unsent()), poll_s=0.01, first_delay_s=0.05)

    async def worked(self) -> None:
        """Until nothing waits in the outbox."""
        async with self.working():
            await until(self._idle)
        await self.app.projected()

    async def _idle(self) -> bool:
        await self.app.projected()
        async with self.app.services.reading() as connection:
            await connection.execute(DUE_NOW)
            query = "SELECT count(*) FROM outbox WHERE delivered_at IS NULL"
            [waiting] = await (await connection.execute(query)).fetchone() or (0,)
        return not waiting

    async def row(self) -> tuple[Any, ...]:
        await self.app.projected()
        async with self.app.services.reading() as connection:
            query = "SELECT status, stripe_account_id, requirements_due FROM connected_accounts"
            [found] = await (await connection.execute(query)).fetchall()
        return tuple(found)


@pytest.fixture
async def platform(
    database_url: str, settings: Settings, client: StripeClient, bench: Bench
) -> AsyncIterator[Platform]:
    played = ConnectStripe(client, database_url)
    async with running(settings, database_url, played) as app:
        yield Platform(app, played, bench, database_url)


@pytest.fixture
def ivy(platform: Platform) -> Caller:
    return platform.ivy
