"""The connections that lists are read on: asked whether they live only where that is in doubt; and plans."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from itertools import count
from typing import Any

import psycopg
import pytest
from psycopg import ClientCursor
from psycopg_pool import AsyncConnectionPool

from api import reads
from api.leaderboards.places import FIRST
from api.leaderboards.reads import AROUND_ME, BEHIND, arguments
from api.reads import PLANNED_ONCE, ReadPool
from ledger.store import conninfo
from projections.leaderboards.projection import Leaderboards
from tests.projections.scores import Scoring, append_as_recorded
from tests.projections.tables import catch_up

SUNDAY = datetime(2026, 11, 29, 12, tzinfo=UTC)
CUT = "SELECT pg_terminate_backend(%s)"


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[ReadPool]:
    async with ReadPool(conninfo(database_url), 1) as opened:
        yield opened


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows by each question whether a connection lives."""
    found: list[int] = []
    check = AsyncConnectionPool.check_connection

    async def ask(connection: Any) -> None:
        found.append(connection.info.backend_pid)
        await check(connection)

    monkeypatch.setattr(AsyncConnectionPool, "check_connection", staticmethod(ask))
    return found


async def backend(pool: ReadPool) -> int:
    async with pool.connection() as connection:
        return connection.info.backend_pid


async def test_a_connection_that_was_just_used_is_not_asked_whether_it_lives(
    pool: ReadPool, asked: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reads, "CHECK_AFTER_S", 3600.0)
    first = await backend(pool)
    assert [await backend(pool) for _ in range(5)] == [first] * 5
    assert len(asked) <= 1


async def test_one_that_was_idle_for_long_is(
    pool: ReadPool, asked: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reads, "CHECK_AFTER_S", -1.0)
    for _ in range(3):
        await backend(pool)
    assert len(asked) == 3


async def test_one_that_the_server_ended_is_seen_at_once_and_replaced(
    pool: ReadPool, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reads, "CHECK_AFTER_S", 3600.0)
    ended = await backend(pool)
    await backend(pool)
    with psycopg.connect(database_url, autocommit=True) as other:
        other.execute(CUT, (ended,))
        while other.execute("SELECT 1 FROM pg_stat_activity WHERE pid = %s", (ended,)).fetchone():
            pass
    async with pool.connection() as connection:
        assert await (await connection.execute("SELECT 1")).fetchone() == (1,)
        assert connection.info.backend_pid != ended


async def test_a_board_is_planned_once_and_a_list_with_filters_each_time(database_url: str) -> None:
    plans = "SELECT generic_plans, custom_plans FROM pg_prepared_statements WHERE statement LIKE '%WITH own%'"
    found = []
    for options in (PLANNED_ONCE, reads.POOL_OPTIONS):
        async with ReadPool(conninfo(database_url), 1, options) as pool, pool.connection() as connection:
            for _ in range(9):
                await connection.execute(BEHIND, arguments("all", "usr_1", FIRST, 20))
            found.append(await (await connection.execute(plans)).fetchone())
    (generic, _), (_, custom) = (row or (0, 0) for row in found)
    assert generic > 0
    assert custom > 0


@pytest.mark.parametrize("query", [BEHIND, AROUND_ME])
def test_a_board_that_is_planned_once_is_read_by_its_index(database_url: str, query: str) -> None:
    scoring = Scoring()
    for number in range(3_000):
        scoring.award(f"usr_{number}", 1 + number % 50, SUNDAY)
    append_as_recorded(database_url, scoring.recorded)
    catch_up(database_url, {Leaderboards.NAME: Leaderboards})
    with psycopg.connect(conninfo(database_url, role=None), autocommit=True) as conn:
        conn.execute("ANALYZE leaderboard_scores, leaderboard_counts")
        conn.execute("SET plan_cache_mode = force_generic_plan")
        given = arguments("all", "usr_7", FIRST, 20)
        numbers = count(1)
        places = {name: f"${next(numbers)}" for name in given}
        types = "text, text, bigint, timestamptz, text, bigint"
        conn.execute(f"PREPARE board ({types}) AS {_numbered(query, places)}".encode())
        execute = f"EXPLAIN EXECUTE board ({', '.join(f'%({name})s' for name in given)})"
        plan = ClientCursor(conn).execute(execute.encode(), given).fetchall()
    text = "\n".join(row[0] for row in plan)
    assert "Index Scan using leaderboard_scores_ranked" in text
    assert "Seq Scan on leaderboard_scores" not in text
    assert "Seq Scan on leaderboard_counts" not in text


def _numbered(query: str, places: dict[str, str]) -> str:
    for name, place in places.items():
        query = query.replace(f"%({name})s", place)
    return query
