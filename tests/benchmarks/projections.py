"""How fast facts become tables: catching up in batches, and building all of them anew."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Mapping

import psycopg
from psycopg.sql import SQL, Identifier

from ledger.store import Reader, conninfo
from projections.engine.projection import Projection
from projections.engine.runner import BatchRunner
from projections.live import check, rebuild
from projections.registry import PROJECTIONS, TABLES
from tests.benchmarks.measure import ROUNDS, Figure
from tests.projections.histories import append, random_history

PAYMENTS = 15_000


async def measure(url: str) -> list[Figure]:
    """`url` is the owner's, of a migrated database."""
    facts = random_history(seed=1, payments=PAYMENTS)
    append(url, facts)
    with Reader(url) as reader:
        head = reader.head()
    with psycopg.connect(conninfo(url, role=None), autocommit=True) as conn:
        conn.execute("VACUUM ANALYZE events")
    catch_up: list[float] = []
    books_catch_up: list[float] = []
    anew: list[float] = []
    books: list[float] = []
    for _ in range(ROUNDS):
        _empty(url)
        books_catch_up.append(head / _catch_up(url, head, {"journal": PROJECTIONS["journal"]}))
        _empty(url)
        catch_up.append(head / _catch_up(url, head, PROJECTIONS))
        books.append(head / _timed_rebuild(url, ("journal",)))
        anew.append(head / _timed_rebuild(url, ()))
    assert not check(url).differences, "live tables differ from rebuilt ones"
    return [
        _figure("catch-up of the books (entries, postings, balances)", books_catch_up, 30_000, head),
        _figure("catch-up of all projections", catch_up, None, head),
        _figure("rebuild of the books (entries, postings, balances)", books, 100_000, head),
        _figure("rebuild of all projections", anew, None, head),
    ]


def _figure(name: str, rates: list[float], goal: int | None, head: int) -> Figure:
    rate = statistics.median(rates)
    return Figure(
        name=f"{name}, {head:,} events",
        value=rate,
        unit="events/s",
        goal="" if goal is None else f"≥ {goal:,}",
        met=None if goal is None else rate >= goal,
    )


def _timed_rebuild(url: str, names: tuple[str, ...]) -> float:
    start = time.perf_counter()
    rebuild(url, names)
    return time.perf_counter() - start


def _catch_up(url: str, head: int, projections: Mapping[str, type[Projection]]) -> float:
    """Seconds until every one of `projections` stands at `head`."""
    there = threading.Event()
    runner = BatchRunner(url, projections)
    runner.on_advance(lambda position: there.set() if position >= head else None)
    start = time.perf_counter()
    with runner:
        assert there.wait(timeout=300), runner.errors or runner.trouble
        return time.perf_counter() - start


def _empty(url: str) -> None:
    tables = [table.name for tables in TABLES.values() for table in tables]
    with psycopg.connect(conninfo(url, role=None), autocommit=True) as conn:
        for table in (*tables, "positions"):
            conn.execute(SQL("TRUNCATE {}").format(Identifier(table)))
