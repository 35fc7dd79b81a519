"""How fast facts become tables: catching up in batches, and building all of them anew."""

from __future__ import annotations

import statistics
import threading
import time

import psycopg
from psycopg.sql import SQL, Identifier

from ledger.store import Reader, conninfo
from projections.rebuild import check, rebuild
from projections.registry import PROJECTIONS
from projections.runner import BatchRunner
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
    anew: list[float] = []
    books: list[float] = []
    for _ in range(ROUNDS):
        _empty(url)
        catch_up.append(head / _catch_up(url, head))
        books.append(head / _timed_rebuild(url, ("journal",)))
        anew.append(head / _timed_rebuild(url, ()))
    assert not check(url).differences, "live tables differ from rebuilt ones"
    return [
        _figure("catch-up of all projections, in batches", catch_up, 30_000, head),
        _figure("rebuild of the books (entries, postings, balances)", books, 100_000, head),
        _figure("rebuild of all projections", anew, 100_000, head),
    ]


def _figure(name: str, rates: list[float], goal: int, head: int) -> Figure:
    rate = statistics.median(rates)
    return Figure(
        name=f"{name}, {head:,} events",
        value=rate,
        unit="events/s",
        goal=f"≥ {goal:,}",
        met=rate >= goal,
    )


def _timed_rebuild(url: str, names: tuple[str, ...]) -> float:
    start = time.perf_counter()
    rebuild(url, names)
    return time.perf_counter() - start


def _catch_up(url: str, head: int) -> float:
    """Seconds until every projection stands at `head`."""
    there = threading.Event()
    runner = BatchRunner(url)
    runner.on_advance(lambda position: there.set() if position >= head else None)
    start = time.perf_counter()
    with runner:
        assert there.wait(timeout=300), runner.errors or runner.trouble
        return time.perf_counter() - start


def _empty(url: str) -> None:
    tables = [sheet.table.name for projection in PROJECTIONS.values() for sheet in projection().sheets]
    with psycopg.connect(conninfo(url, role=None), autocommit=True) as conn:
        for table in (*tables, "positions"):
            conn.execute(SQL("TRUNCATE {}").format(Identifier(table)))
