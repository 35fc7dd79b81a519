"""Revenue as days close: any number of times, interrupted or late, to the cent and in its month."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from psycopg import AsyncConnection

from api.books.recognition import close_days, last_closed, recognise
from ledger.store import conninfo
from projections.queries.revenue import deferred_rollforward
from tests.api.stripe.subscribers import Subscribers
from tests.api.stripe.world import Bench, World


@pytest.fixture
def people(world: World, bench: Bench) -> Subscribers:
    subscribers = Subscribers(world, bench)
    subscribers.set_out()
    return subscribers


async def by_day(world: World) -> list[tuple[date, int]]:
    rows = await world.rows(
        "SELECT (e.effective_at AT TIME ZONE 'UTC')::date AS day, sum(p.amount_minor)::bigint AS minor"
        " FROM entries AS e JOIN postings AS p USING (position)"
        " WHERE e.type = 'invoices.recognised.v1' AND p.account = '2000' GROUP BY day ORDER BY day"
    )
    return [(row["day"], row["minor"]) for row in rows]


async def close(world: World) -> int:
    await world.project()
    return await close_days(world.conn, world.store, world.clock)


async def test_each_day_has_its_own_revenue_dated_within_it(people: Subscribers, world: World) -> None:
    await people.subscribe()
    await people.live(3, step=3)
    # 14 of 24 hours of the first day, then whole days: of 999 over 28 days
    assert await by_day(world) == [
        (date(2027, 1, 31), 21),
        (date(2027, 2, 1), 35),
        (date(2027, 2, 2), 36),
    ]


async def test_any_number_of_times_and_at_once(people: Subscribers, world: World, database_url: str) -> None:
    await people.subscribe()
    await people.subscribe("enterprise", user_id="usr_2")
    await people.live(5, step=5)
    people.bench.advance(timedelta(days=2), world)
    await world.project()
    async with await AsyncConnection.connect(conninfo(database_url), autocommit=True) as other:
        made = await asyncio.gather(
            *(close_days(conn, world.store, world.clock) for conn in (world.conn, other))
        )
    assert sum(made) == 4
    assert await close(world) == 0
    rows = await people.invoices()
    assert sum(minor for _, minor in await by_day(world)) == sum(row["recognised_minor"] for row in rows)


async def test_days_left_out_are_made_up_for_one_by_one(people: Subscribers, world: World) -> None:
    await people.subscribe()
    await people.hear()
    people.bench.advance(datetime(2027, 2, 10, 12, tzinfo=UTC) - people.bench.now(), world)
    await world.project()
    first = await recognise(world.conn, world.store, date(2027, 2, 4))
    await world.project()
    second = await recognise(world.conn, world.store, last_closed(world.clock))
    await world.project()
    assert (first.entries, second.entries) == (5, 5)
    days = await by_day(world)
    assert [day for day, _ in days] == [date(2027, 1, 31), *(date(2027, 2, n) for n in range(1, 10))]
    (invoice,) = await people.invoices()
    assert sum(minor for _, minor in days) == invoice["recognised_minor"]
    assert first.totals_minor["usd"] + second.totals_minor["usd"] == invoice["recognised_minor"]


async def test_a_run_that_was_interrupted_goes_on(people: Subscribers, world: World) -> None:
    await people.subscribe()
    await people.hear()
    people.bench.advance(datetime(2027, 2, 10, 12, tzinfo=UTC) - people.bench.now(), world)
    await world.project()

    class Interrupted(Exception):
        pass

    store: Any = world.store
    handle, calls = store.handle, 0

    async def stops(command: Any, origin: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls > 4:
            raise Interrupted
        return await handle(command, origin)

    store.handle = stops
    with pytest.raises(Interrupted):
        await close(world)
    store.handle = handle
    # also without the tables having seen what was done
    assert await close_days(world.conn, world.store, world.clock) == 10 - 4
    (invoice,) = await people.invoices()
    assert invoice["recognised_minor"] == sum(minor for _, minor in await by_day(world))


async def test_the_roll_forward_ties_to_the_account(people: Subscribers, world: World) -> None:
    await people.subscribe()
    await people.live(40, step=8)
    january = (datetime(2027, 1, 1, tzinfo=UTC), datetime(2027, 2, 1, tzinfo=UTC))
    february = (datetime(2027, 2, 1, tzinfo=UTC), datetime(2027, 3, 1, tzinfo=UTC))
    (first,) = await deferred_rollforward(world.conn, *january)
    (second,) = await deferred_rollforward(world.conn, *february)
    assert (first.billed_minor, first.recognised_minor, first.closing_minor) == (999, 21, 978)
    assert (second.opening_minor, second.billed_minor) == (978, 999)
    (balance,) = await world.rows(
        "SELECT sum(credit_minor - debit_minor)::bigint AS minor FROM balances WHERE account = '2000'"
    )
    (now,) = await deferred_rollforward(world.conn, january[0], world.clock.now())
    assert now.closing_minor == balance["minor"]
    assert now.other_minor == 0
