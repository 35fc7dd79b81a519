"""The outbox is delivered whatever happens: given effects and a deliverer, then these rows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import psycopg
import pytest
from psycopg import AsyncConnection

from api.background.deliveries import FIRST_DELAY_S, LONGEST_DELAY_S, Job, Worker, backoff_s
from api.stripe.delivery import Delivered, Postponed
from ledger.effects import Effect, ResolvePayment, SendMail
from ledger.errors import Invalid
from ledger.message import Origin
from ledger.store import conninfo

Deliver = Callable[[Effect], Awaitable[None]]

ENQUEUE = """
    INSERT INTO outbox (position, policy, effect_index, kind, effect, due_at)
    SELECT place, 'payments', 0, 'payments.resolve_payment',
        jsonb_build_object('type', 'payments.resolve_payment', 'payment_id', 'pay_' || place),
        clock_timestamp()
    FROM generate_series(1, %s) AS place
"""
MAIL = """
    UPDATE outbox
    SET policy = 'email',
        effect = jsonb_build_object('type', 'email.send', 'occasion', 'invited', 'about', 'inv_1', 'ref', '')
    WHERE position <= %s
"""
ROWS = "SELECT position, attempts, delivered_at, parked_at, last_error FROM outbox ORDER BY position"


class Fake:
    """Delivers by calling `deliver`, and remembers what it was given."""

    def __init__(self, deliver: Deliver) -> None:
        self._deliver = deliver
        self.seen: list[str] = []

    async def deliver(self, effect: Effect, origin: Origin) -> Delivered:
        assert origin.roles == {"system"}
        if isinstance(effect, ResolvePayment):
            self.seen.append(effect.payment_id)
        await self._deliver(effect)
        return Delivered()


async def succeed(effect: Effect) -> None:
    return None


@pytest.fixture
async def conn(database_url: str) -> AsyncIterator[AsyncConnection[Any]]:
    async with await AsyncConnection.connect(conninfo(database_url), autocommit=True) as opened:
        yield opened


async def rows(conn: AsyncConnection[Any]) -> list[Any]:
    return await (await conn.execute(ROWS)).fetchall()


async def until(condition: Callable[[], Awaitable[bool]], timeout_s: float = 20.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not await condition():  # noqa: ASYNC110  the condition is in the database
            await asyncio.sleep(0.01)


@asynccontextmanager
async def working(url: str, fake: Fake, **options: Any) -> AsyncIterator[Worker]:
    async with Worker(url, fake, poll_s=0.02, first_delay_s=0.01, **options) as worker:
        yield worker


async def test_everything_is_delivered_once(database_url: str, conn: AsyncConnection[Any]) -> None:
    await conn.execute(ENQUEUE, (50,))
    fake = Fake(succeed)

    async def done() -> bool:
        return all(row[2] for row in await rows(conn))

    async with working(database_url, fake, concurrency=4) as worker:
        await until(done)
    assert sorted(fake.seen) == sorted(f"pay_{place}" for place in range(1, 51))
    assert worker.counters.delivered == 50


async def test_a_slow_effect_holds_up_nobody(database_url: str, conn: AsyncConnection[Any]) -> None:
    release = asyncio.Event()

    async def deliver(effect: Effect) -> None:
        if effect == ResolvePayment(payment_id="pay_1"):
            await release.wait()

    async def others_done() -> bool:
        return all(row[2] for row in (await rows(conn))[1:])

    await conn.execute(ENQUEUE, (12,))
    async with working(database_url, Fake(deliver), concurrency=2):
        await until(others_done)
        assert (await rows(conn))[0][2] is None
        release.set()


async def test_what_waits_at_leisure_is_held_up_alone(database_url: str, conn: AsyncConnection[Any]) -> None:
    """A server that takes mail and says nothing."""
    never = asyncio.Event()

    async def deliver(effect: Effect) -> None:
        if isinstance(effect, SendMail):
            await never.wait()

    async def others_done() -> bool:
        return all(delivered for _, _, delivered, *_ in (await rows(conn))[20:])

    await conn.execute(ENQUEUE, (40,))
    await conn.execute(MAIL, (20,))
    options = {"concurrency": 2, "drain_s": 0.0}
    async with (
        working(database_url, Fake(deliver), at_leisure=False, **options) as worker,
        working(database_url, Fake(deliver), at_leisure=True, **options) as mailing,
    ):
        await until(others_done)
    assert (worker.counters.delivered, mailing.counters.delivered) == (20, 0)


async def test_what_is_postponed_comes_back_and_is_parked_in_the_end(
    database_url: str, conn: AsyncConnection[Any]
) -> None:
    async def deliver(effect: Effect) -> None:
        raise Postponed("Stripe knows nothing", tries=3)

    async def parked() -> bool:
        return (await rows(conn))[0][3] is not None

    await conn.execute(ENQUEUE, (1,))
    async with working(database_url, Fake(deliver)) as worker:
        await until(parked)
    [(_, attempts, delivered_at, _, error)] = await rows(conn)
    assert (attempts, delivered_at, error) == (3, None, "Stripe knows nothing")
    assert (worker.counters.postponed, worker.counters.parked) == (2, 1)


@pytest.mark.parametrize("fault", [Invalid("no such thing"), RuntimeError("a fault of ours"), KeyError("x")])
async def test_a_fault_in_one_effect_stops_no_other(
    database_url: str, conn: AsyncConnection[Any], fault: Exception
) -> None:
    async def deliver(effect: Effect) -> None:
        if effect == ResolvePayment(payment_id="pay_1"):
            raise fault

    async def settled() -> bool:
        first, second = await rows(conn)
        return bool(first[4] and second[2])

    await conn.execute(ENQUEUE, (2,))
    async with working(database_url, Fake(deliver)):
        await until(settled)
    assert "fault of ours" not in (await rows(conn))[0][4]


async def test_an_effect_of_a_newer_version_is_parked_for_it_and_stops_no_other(
    database_url: str, conn: AsyncConnection[Any]
) -> None:
    await conn.execute(ENQUEUE, (3,))
    await conn.execute("""UPDATE outbox SET effect = '{"type": "OfTomorrow"}' WHERE position = 1""")

    async def done() -> bool:
        return sum(row[2] is not None for row in await rows(conn)) == 2

    fake = Fake(succeed)
    async with working(database_url, fake):
        await until(done)
        await conn.execute(ENQUEUE.replace("series(1", "series(4"), (4,))
        await until(lambda: _delivered(conn, 4))
    first = (await rows(conn))[0]
    assert (first[1], first[2]) == (1, None), "claimed once and not delivered"
    assert first[3] is not None, "parked, with the reason"
    assert "OfTomorrow" in first[4]


async def _delivered(conn: AsyncConnection[Any], position: int) -> bool:
    return any(row[0] == position and row[2] for row in await rows(conn))


async def test_leaving_waits_for_what_is_under_way(database_url: str, conn: AsyncConnection[Any]) -> None:
    started, finish = asyncio.Event(), asyncio.Event()

    async def deliver(effect: Effect) -> None:
        started.set()
        await finish.wait()

    await conn.execute(ENQUEUE, (1,))
    async with working(database_url, Fake(deliver)):
        await started.wait()
        asyncio.get_running_loop().call_soon(finish.set)
    assert (await rows(conn))[0][2] is not None


async def test_what_does_not_end_is_cut_off_and_stays_ours(
    database_url: str, conn: AsyncConnection[Any]
) -> None:
    started = asyncio.Event()

    async def deliver(effect: Effect) -> None:
        started.set()
        await asyncio.Event().wait()

    await conn.execute(ENQUEUE, (1,))
    async with working(database_url, Fake(deliver), drain_s=0.01):
        await started.wait()
    [(_, attempts, delivered_at, parked_at, _)] = await rows(conn)
    assert (attempts, delivered_at, parked_at) == (1, None, None)


async def test_a_database_that_goes_away_is_waited_for(database_url: str, conn: AsyncConnection[Any]) -> None:
    async def done() -> bool:
        return bool((await rows(conn))[0][2])

    async with working(database_url, Fake(succeed)) as worker:
        async with await AsyncConnection.connect(database_url, autocommit=True) as owner:
            await owner.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = 'worker' AND datname = current_database()"
            )
        await conn.execute(ENQUEUE, (1,))
        await until(done)
    assert worker.counters.delivered == 1


async def test_jobs_run_again_after_a_failure(database_url: str) -> None:
    results: list[str] = []
    done = asyncio.Event()

    async def run(conn: AsyncConnection) -> int:
        results.append("failed" if not results else "done")
        if results == ["failed"]:
            raise psycopg.OperationalError("gone")
        if len(results) == 3:
            done.set()
        return 1

    async with working(database_url, Fake(succeed), jobs=[Job("sweep", 0.01, run)]) as worker:
        async with asyncio.timeout(20):
            await done.wait()
    assert results[:3] == ["failed", "done", "done"]
    assert worker.counters.job_failures == 1


async def test_waking_works_from_any_thread_and_before_and_after(database_url: str) -> None:
    worker = Worker(database_url, Fake(succeed))
    worker.wake(1)
    async with worker:
        await asyncio.to_thread(worker.wake, 2)
    worker.wake(3)


def test_backoff_grows_with_full_jitter_up_to_a_limit() -> None:
    for attempts in (1, 5, 40, 10_000):
        ceiling = min(LONGEST_DELAY_S, FIRST_DELAY_S * 2.0 ** min(attempts, 30))
        delays = [backoff_s(attempts, FIRST_DELAY_S, LONGEST_DELAY_S) for _ in range(200)]
        assert all(0 <= delay <= ceiling for delay in delays)
        assert max(delays) > ceiling / 2 > min(delays)
