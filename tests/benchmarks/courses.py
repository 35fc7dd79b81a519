"""How long the list of courses takes to ask: words, filters, orders and later pages, of many courses."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import psycopg

from api.courses import search, similar, trending
from api.courses.search import ORDERS, Sort
from api.reads import POOL_OPTIONS
from ledger.store import conninfo
from projections.courses.learners import RATING_SCALE
from tests.api.courses.shelves import TODAY, seed
from tests.benchmarks.measure import Figure, percentile

COURSES = int(os.environ.get("LIBERATION_BENCH_COURSES", "100000"))
QUESTIONS = 1_000
GOAL_MS = 50

_NONE: dict[str, Any] = dict.fromkeys(
    (
        *("words", "category", "level", "language", "currency", "min_price", "max_price"),
        *("free", "featured", "instructor", "min_rating"),
    )
)
_KINDS: dict[str, tuple[Sort, dict[str, Any]]] = {
    "a frequent word": ("relevance", {"words": "statistics"}),
    "two words": ("relevance", {"words": "statistics piano"}),
    "a rare word": ("relevance", {"words": "rare"}),
    "a word, newest": ("newest", {"words": "statistics"}),
    "a rare word, newest": ("newest", {"words": "rare"}),
    "newest": ("newest", {}),
    "a category": ("newest", {"category": "category-7"}),
    "level and language": ("newest", {"level": "advanced", "language": "de"}),
    "free ones": ("newest", {"free": True}),
    "an instructor": ("newest", {"instructor": "usr_77"}),
    "best rated": ("rating", {}),
    "well rated, newest": ("newest", {"min_rating": 45 * RATING_SCALE // 10}),
    "best rated of a category": ("rating", {"category": "category-7"}),
    "most learners": ("popularity", {}),
    "most learners of a language": ("popularity", {"language": "de"}),
    "cheapest": ("price", {"currency": "usd"}),
    "a range of prices": ("price_desc", {"currency": "usd", "min_price": 1_000, "max_price": 5_000}),
    "cheapest of a category": ("price", {"currency": "eur", "category": "category-7"}),
}


async def measure(url: str) -> list[Figure]:
    """`url` is the owner's, of a migrated database."""
    seed(url, COURSES)
    all_ms: list[float] = []
    figures = []
    options = f"{psycopg.conninfo.conninfo_to_dict(conninfo(url)).get('options', '')} {POOL_OPTIONS}"
    dsn = psycopg.conninfo.make_conninfo(conninfo(url), options=options)
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
        for name, (sort, filters) in _KINDS.items():
            taken = await _ask(connection, sort, filters, QUESTIONS // len(_KINDS))
            all_ms += taken
            figures.append(_figure(name, taken))
        figures.append(_figure("trending", await _ask_trending(connection, QUESTIONS // len(_KINDS))))
        misspelt = {**_NONE, "limit": 21, "words": "statstics"}
        figures.append(_figure("a word spelt wrongly", await _ask_similar(connection, misspelt, 20)))
    return [*figures, _figure("all of these", all_ms)]


async def _ask(
    connection: psycopg.AsyncConnection[Any], sort: Sort, filters: dict[str, Any], times: int
) -> list[float]:
    """Milliseconds of each question; the pages one after another, from the first again after the last."""
    arguments = {**_NONE, "config": "english", "limit": 21, **filters}
    after: Sequence[int] = ORDERS[sort].first
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        found = await search.listed(connection, sort, after, arguments)
        taken.append((time.perf_counter() - began) * 1000)
        after = found[-1].key(sort) if len(found) > 1 else ORDERS[sort].first
    return taken


async def _ask_trending(connection: psycopg.AsyncConnection[Any], times: int) -> list[float]:
    taken = []
    for number in range(times):
        began = time.perf_counter()
        found = await trending.trending(connection, TODAY - timedelta(days=number % 3), 10)
        taken.append((time.perf_counter() - began) * 1000)
        assert len(found) == 10
    return taken


async def _ask_similar(
    connection: psycopg.AsyncConnection[Any], arguments: dict[str, Any], times: int
) -> list[float]:
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        await similar.listed(connection, arguments)
        taken.append((time.perf_counter() - began) * 1000)
    return taken


def _figure(name: str, taken_ms: list[float]) -> Figure:
    p95 = percentile(sorted(taken_ms), 0.95)
    return Figure(
        name=f"{name}, p95 of {len(taken_ms):,} pages of {COURSES:,} courses",
        value=p95,
        unit="ms",
        goal=f"< {GOAL_MS} ms",
        met=p95 < GOAL_MS,
    )
