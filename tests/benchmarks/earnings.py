"""What an instructor with many sales costs more than one with few: a further sale, a page, a payout run."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from functools import partial
from itertools import islice
from typing import Any

import psycopg

from api.earnings.movements import LISTED
from api.earnings.reads import standings_of, titles_of
from api.earnings.routes import BY_MONTH
from api.payouts.run import Run
from api.reads import POOL_OPTIONS, rows
from ledger.earnings.balances import balances
from ledger.earnings.commands import AccrueEarnings
from ledger.earnings.terms import Reckoning, available_on
from ledger.ids import new_id
from ledger.message import Origin
from ledger.store import Store, conninfo
from projections.earnings.movements import EARNINGS_MOVEMENTS
from tests.benchmarks.measure import Figure, interleaved
from tests.projections.tables import catch_up

SYSTEM = Origin(actor="worker", roles=frozenset({"system"}))
FEW, MANY = 100, 100_000
DAYS = 100
"""On which either sold: it is sales that are many, not days."""
FIRST = datetime(2026, 1, 1, 12, tzinfo=UTC)
TODAY = date(2026, 4, 11)
GOAL = 1.5
TIMES = 40
"""Each question in a round."""


async def measure(url: str) -> list[Figure]:
    """`url` is the owner's, of a migrated database."""
    async with Store.open(url) as store:
        for sales in (FEW, MANY):
            commands = (_sale(sales, number) for number in range(sales))
            while chunk := list(islice(commands, 512)):
                await asyncio.gather(*(store.handle(command, SYSTEM) for command in chunk))
        figures = [await _ratio("a further sale", partial(_sell, store))]
    async with Store.open(url, cached_streams=0) as store:
        figures.append(await _ratio("a further sale, of a stream never seen", partial(_sell, store)))
    await asyncio.to_thread(catch_up, url)
    with psycopg.connect(conninfo(url, role=None), autocommit=True) as conn:
        conn.execute("ANALYZE earnings_days, earnings_months, earnings_movements")
    options = f"{psycopg.conninfo.conninfo_to_dict(conninfo(url)).get('options', '')} {POOL_OPTIONS}"
    dsn = psycopg.conninfo.make_conninfo(conninfo(url), options=options)
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
        figures.append(await _ratio("a page of earnings", partial(_page, connection)))
    async with Store.open(url) as store, _alone(url, FEW) as few, _alone(url, MANY) as many:
        connections = {FEW: few, MANY: many}
        figures.append(await _ratio("a run of payouts", partial(_run, store, connections)))
    return figures


def _sale(sales: int, number: int) -> AccrueEarnings:
    at = FIRST + timedelta(days=number * DAYS // max(sales, number + 1))
    return AccrueEarnings(
        command_id=new_id("cmd"),
        effective_at=at,
        user_id=f"usr_{sales}",
        currency="usd",
        kind="sale",
        amount_minor=7000,
        available_on=available_on(at),
        course_id=f"crs_{number % 10}",
        payment_id=new_id("pay"),
        cause_position=number + 1,
        reckoning=Reckoning(
            price_currency="usd",
            charged_minor=10_000,
            basis_minor=10_000,
            share_bp=7000,
            part_bp=10_000,
            settled_minor=10_000,
            instructors_minor=7000,
            kept_minor=7000,
        ),
    )


async def _ratio(name: str, ask: Callable[[int], Awaitable[None]]) -> Figure:
    """Of the time with many sales to that with few."""

    async def rate(sales: int) -> float:
        start = time.perf_counter()
        for _ in range(TIMES):
            await ask(sales)
        return TIMES / (time.perf_counter() - start)

    median = await interleaved({str(sales): partial(rate, sales) for sales in (FEW, MANY)}, rounds=15)
    ratio = median[str(FEW)] / median[str(MANY)]
    return Figure(
        name=f"{name}, with {MANY:,} sales",
        value=1000 / median[str(MANY)],
        unit="ms",
        baseline=f"with {FEW} sales: {1000 / median[str(FEW)]:.1f} ms",
        ratio=ratio,
        goal=f"≤ {GOAL}",
        met=ratio <= GOAL,
    )


async def _sell(store: Store, sales: int) -> None:
    await store.handle(_sale(sales, next(_NUMBERS)), SYSTEM)


def _numbers() -> Iterator[int]:
    """Of further sales, all on the last day."""
    number = MANY
    while True:
        yield number
        number += 1


_NUMBERS = _numbers()


class _Stripe:
    """It has the funds, and says at once that whoever is paid can be."""

    async def account_to_pay(self, user_id: str, _currency: str, _origin: Origin) -> str:
        return f"acct_{user_id}"

    async def platform_available(self) -> Mapping[str, int]:
        return {"usd": 10**12}


class _Clock:
    def now(self) -> datetime:
        return datetime.combine(TODAY, FIRST.timetz())


@asynccontextmanager
async def _alone(url: str, sales: int) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
    """To which that instructor is the only one."""
    dsn = conninfo(url, role=None)
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
        await connection.execute(
            "CREATE TEMP TABLE earnings_days AS TABLE earnings_days"  # one cannot have parameters
        )
        await connection.execute(
            "SELECT set_config('search_path', 'pg_temp, ' || current_setting('search_path'), false)"
        )
        await connection.execute("DELETE FROM pg_temp.earnings_days WHERE user_id <> %s", (f"usr_{sales}",))
        yield connection


async def _run(store: Store, connections: Mapping[int, psycopg.AsyncConnection[Any]], sales: int) -> None:
    """All but the transfer, which Stripe makes; dry, so that it can be asked for again."""
    report = await Run(store, _Stripe(), _Clock(), dry=True)(connections[sales])
    assert report.asked == 1, report


async def _page(connection: psycopg.AsyncConnection[Any], sales: int) -> None:
    """Totals, months and the newest movements, as the API reads them."""
    user_id = f"usr_{sales}"
    for of in (await standings_of(connection, user_id, TODAY, None)).values():
        balances(of.days, TODAY, of.out)
    await (await connection.execute(BY_MONTH, (user_id,))).fetchall()
    arguments = {"user_id": user_id, "before": 2**62, "currency": None, "course_id": None, "limit": 21}
    found = await rows(connection, LISTED, EARNINGS_MOVEMENTS, arguments)
    await titles_of(connection, (row.course_id for row in found))
