"""Copies of one ledger, as a disaster makes them, beside one Stripe account."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import psycopg
import pytest
from stripe import StripeClient

from api.app import create_app
from api.background.catch_up import catch_up
from api.clock import SandboxClock
from api.sandbox.server import Sandbox
from api.serve.composition import ALL_HERE, composition_of
from api.services import Services
from api.settings import Settings
from tests import databases
from tests.api.support import Caller, Running, lifespan, until

WAITING = """
    SELECT count(*)
    FROM outbox
    WHERE delivered_at IS NULL
        AND policy <> 'email'
        AND (attempts > 0 OR due_at <= clock_timestamp())
"""
"""Without those that are left to the request that caused them for a while, and mail: a restore parks it."""
AT_STRIPE = """
    SELECT coalesce(sum(debit_minor - credit_minor), 0)::bigint
    FROM balances
    WHERE account = ANY(%s)
"""
CASH = ["1010", "1011"]
OURS = [*CASH, "1090"]
"""Cash less what is there of others, as far as that is known yet."""


class House:
    """One Stripe account, and as many copies of one ledger as a disaster makes."""

    def __init__(
        self, server: str, database_url: str, sandbox: Sandbox, client: StripeClient, data: Path
    ) -> None:
        self.server, self.database_url, self.client = server, database_url, client
        self.settings = Settings(data_dir=data, stripe_api_key=sandbox.api_key, stripe_api_base=sandbox.url)
        self._copies: list[str] = []

    @asynccontextmanager
    async def running(self, url: str) -> AsyncIterator[Running]:
        found: list[Services] = []

        @asynccontextmanager
        async def remember(services: Services) -> AsyncIterator[None]:
            found.append(services)
            yield

        background = (*ALL_HERE, remember)
        asgi = create_app(composition_of(self.settings, url, background=background, clock=SandboxClock()))
        async with lifespan(asgi):
            transport = httpx.ASGITransport(asgi)  # type: ignore[arg-type]  # ASGI is typed twice
            async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
                yield Running(asgi, found[0], client)

    def backup(self) -> str:
        """Of a ledger that nobody runs at the moment."""
        copy = databases.clone(
            self.server, str(psycopg.conninfo.conninfo_to_dict(self.database_url)["dbname"])
        )
        self._copies.append(copy)
        return copy

    def drop(self) -> None:
        for copy in self._copies:
            databases.drop(self.server, copy)

    async def did(self) -> Counter[str]:
        """How many of each there are at Stripe, and how much money moved."""
        v1 = self.client.v1
        lists: dict[str, Callable[..., Awaitable[Any]]] = {
            "payment_intents": v1.payment_intents.list_async,
            "charges": v1.charges.list_async,
            "refunds": v1.refunds.list_async,
            "customers": v1.customers.list_async,
            "subscriptions": v1.subscriptions.list_async,
            "invoices": v1.invoices.list_async,
            "credit_notes": v1.credit_notes.list_async,
            "accounts": v1.accounts.list_async,
            "transfers": v1.transfers.list_async,
        }
        counted = Counter({name: len((await ask({"limit": 100})).data) for name, ask in lists.items()})
        counted["net"] = await self.net()
        return counted

    async def net(self) -> int:
        page = await self.client.v1.balance_transactions.list_async({"limit": 100})
        return sum(entry.net for entry in page.data)


@pytest.fixture
def house(
    server: str, database_url: str, sandbox: Sandbox, client: StripeClient, tmp_path: Path
) -> Iterator[House]:
    made = House(server, database_url, sandbox, client, tmp_path)
    yield made
    made.drop()


async def caught_up(app: Running) -> None:
    """Stripe has told of everything, and nothing is left to do."""
    services = app.services
    async with services.reading() as connection:
        await catch_up(services.stripe, connection, services.store, services.clock)

    async def quiet() -> bool:
        await app.projected()
        async with services.reading() as connection:
            row = await (await connection.execute(WAITING.encode())).fetchone()
        return row == (0,)

    await until(quiet)


async def in_books(app: Running, accounts: list[str] = CASH) -> int:
    await app.projected()
    async with app.services.reading() as connection:
        row = await (await connection.execute(AT_STRIPE.encode(), (accounts,))).fetchone()
    assert row is not None
    return int(row[0])


def student(app: Running) -> Caller:
    return app.caller("usr_ann", "student")


def admin(app: Running) -> Caller:
    return app.caller("usr_boss", "admin")


Told = dict[str, Any]
Ready = Callable[[Running], Awaitable[Told]]
UNDECIDED = 202
Act = Callable[[Running, Told], Awaitable[httpx.Response]]


async def nothing(_: Running) -> Told:
    return {}


async def paid(app: Running) -> Told:
    body: Told = (await student(app).pay("pm_card_visa")).json()
    return body


class Case(NamedTuple):
    ready: Ready
    act: Act
    id_is: str
    """The field of the answer that names what was done."""


def named(answer: httpx.Response, field: str) -> Any:
    found = answer.json()[field]
    return found["payment_id"] if isinstance(found, dict) else found


async def before_the_disaster(house: House, case: Case) -> tuple[str, Told, httpx.Response]:
    async with house.running(house.database_url) as app:
        told = await case.ready(app)
        await caught_up(app)
    backup = house.backup()
    async with house.running(house.database_url) as app:
        first = await case.act(app, told)
        assert first.status_code in {200, 201, 402}, first.text
        await caught_up(app)
        assert await in_books(app) == await house.net()
    return backup, told, first


async def check_the_books(house: House, app: Running) -> None:
    await caught_up(app)
    assert await in_books(app) == await house.net(), "cash is Stripe's"


async def check_the_repeat(house: House, case: Case) -> None:
    """The request comes again before Stripe's word of what it did."""
    backup, told, first = await before_the_disaster(house, case)
    did = await house.did()
    async with house.running(backup) as app:
        again = await case.act(app, told)
        if again.status_code == UNDECIDED != first.status_code:
            await caught_up(app)
            again = await case.act(app, told)
        assert (again.status_code, named(again, case.id_is)) == (first.status_code, named(first, case.id_is))
        assert await house.did() == did, "nothing is done at Stripe again"
        await check_the_books(house, app)
        assert await house.did() == did
        replayed = await case.act(app, told)
        assert (replayed.status_code, replayed.json()) == (again.status_code, again.json())
