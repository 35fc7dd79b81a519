"""Small parts on their own: rate limit, batched queries, declines."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import psycopg
import pytest

from api.http.ratelimit import BOUND, RateLimit
from api.payments.declines import DECLINES, HIDDEN, explain, shown
from ledger.errors import StoreUnavailable
from ledger.store import conninfo
from ledger.store.batched_queries import BatchedQuery, Connection, QueryBatcher


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_then_the_steady_rate() -> None:
    clock = Clock()
    limit = RateLimit(per_minute=60, burst=3, clock=clock)
    assert [limit.take("a").allowed for _ in range(4)] == [True, True, True, False]
    assert limit.take("b").left == 2
    clock.now += 1
    assert [limit.take("a").allowed for _ in range(2)] == [True, False]
    clock.now += 100
    assert [limit.take("a").left for _ in range(3)] == [2, 1, 0]
    refused = limit.take("a")
    assert (refused.allowed, refused.reset_s) == (False, 1)


def test_in_the_long_run_it_is_exactly_the_rate() -> None:
    clock = Clock()
    limit = RateLimit(per_minute=600, burst=5, clock=clock)
    allowed = 0
    for _ in range(10_000):
        clock.now += 0.01
        allowed += limit.take("a").allowed
    assert abs(allowed - 1000) <= 6


def test_callers_that_are_not_seen_any_more_are_forgotten() -> None:
    limit = RateLimit(per_minute=60, burst=1)
    for n in range(BOUND + 10):
        limit.take(str(n))
    assert len(limit._due) == BOUND


async def test_questions_that_wait_are_asked_together(database_url: str) -> None:
    asked: list[int] = []

    async def double(connection: Connection, numbers: Sequence[int]) -> list[int]:
        asked.append(len(numbers))
        query = "SELECT 2 * n FROM unnest(%s::bigint[]) WITH ORDINALITY AS u (n, o) ORDER BY o"
        return [row[0] for row in await (await connection.execute(query, (list(numbers),))).fetchall()]

    query: BatchedQuery[int, int] = BatchedQuery(double)
    async with QueryBatcher(conninfo(database_url)) as batch:
        assert await asyncio.gather(*(batch.ask(query, n) for n in range(100))) == [2 * n for n in range(100)]
        assert asked == [100]


async def test_a_connection_that_was_cut_is_opened_again(database_url: str) -> None:
    async def pid(connection: Connection, items: Sequence[None]) -> list[int]:
        row = await (await connection.execute("SELECT pg_backend_pid()")).fetchone()
        return [row[0] if row else 0] * len(items)

    query: BatchedQuery[None, int] = BatchedQuery(pid)
    async with QueryBatcher(conninfo(database_url)) as batch:
        first = await batch.ask(query, None)
        with psycopg.connect(database_url, autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(%s)", (first,))
        assert await batch.ask(query, None) != first


async def test_a_query_that_fails_fails_those_who_asked_and_nobody_else(database_url: str) -> None:
    async def broken(connection: Connection, _: Sequence[None]) -> list[None]:
        await connection.execute("BEGIN")
        await connection.execute("SELECT 1 / 0")
        return []

    async def fine(connection: Connection, items: Sequence[None]) -> list[int]:
        await connection.execute("SELECT 1")
        return [1] * len(items)

    wrong: BatchedQuery[None, None] = BatchedQuery(broken)
    right: BatchedQuery[None, int] = BatchedQuery(fine)
    async with QueryBatcher(conninfo(database_url)) as batch:
        answers = await asyncio.gather(batch.ask(wrong, None), batch.ask(right, None), return_exceptions=True)
    assert isinstance(answers[0], psycopg.errors.DivisionByZero)
    assert answers[1] == 1


async def test_a_database_that_is_not_there_is_told_plainly() -> None:
    async def never(_: Connection, __: Sequence[None]) -> list[None]:
        raise AssertionError

    query: BatchedQuery[None, None] = BatchedQuery(never)
    async with QueryBatcher("host=127.0.0.1 port=1 connect_timeout=2") as batch:
        with pytest.raises(StoreUnavailable):
            await batch.ask(query, None)


def test_declines_are_words_that_can_be_acted_on() -> None:
    for decline in DECLINES.values():
        assert decline.detail.endswith(".")
        assert decline.retry_same_card == (decline.remedy in {"authenticate", "later"})
    assert explain("card_declined", "insufficient_funds").remedy == "other_card"
    assert explain("expired_card", "").detail == "The card has expired. Use another card."
    assert explain("card_declined", "a_new_code") == explain("card_declined", "")
    assert "Nothing was charged" in explain("parameter_invalid", "").detail
    assert "was canceled" in explain("", "").detail


@pytest.mark.parametrize("code", sorted(HIDDEN))
def test_a_thief_learns_nothing(code: str) -> None:
    assert shown(code) == "generic_decline"
    assert explain("card_declined", code) == explain("card_declined", "generic_decline")
