"""Which structure tells a user's rank among many at once, and what it costs each change of a score.

There are a million users, or as many as the environment's `LIBERATION_BENCH_USERS` says. Each candidate has
tables of its own, with the same scores and the same changes to them.
"""

from __future__ import annotations

import asyncio
import os
import random
import statistics
import time
from abc import ABC, abstractmethod
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, LiteralString

import msgspec
import psycopg

from ledger.store import conninfo
from tests.benchmarks.measure import Figure

USERS = int(os.environ.get("LIBERATION_BENCH_USERS", "1000000"))
ASKED, BATCHES, BATCH = 400, 40, 1_000
BUCKETS = 1_000
BITS, LEVELS = 6, 4
"""Of the tree: a node has 64 below it, and the top level as many as the highest score needs."""
RANK_GOAL_MS = 10.0

_SCORES = """
    CREATE TABLE {name} (user_id text COLLATE "C" PRIMARY KEY, score bigint NOT NULL);
    INSERT INTO {name}
    SELECT 'usr_' || lpad(number::text, 28, '0'), 5 * floor(exp(4 + 1.2 * random_normal()))::bigint
    FROM generate_series(1, {users}) AS number;
    CREATE INDEX ON {name} (score DESC, user_id);
    ANALYZE {name};
"""
_LOAD = "SELECT user_id, score FROM {name} WHERE user_id = ANY(%s)"
_UPSERT = """
    INSERT INTO {name}
    SELECT *
    FROM json_populate_recordset(NULL::{name}, %s)
    ON CONFLICT (user_id) DO UPDATE SET score = excluded.score
"""
_ADD = """
    INSERT INTO {counts} AS t
    SELECT *
    FROM json_populate_recordset(NULL::{counts}, %s)
    ON CONFLICT ({key}) DO UPDATE SET users = t.users + excluded.users
"""


class Candidate(ABC):
    """A table of scores, and whatever stands beside it."""

    NAME: ClassVar[str]
    TABLE: ClassVar[LiteralString]

    def __init__(self, connection: psycopg.Connection[Any], users: int) -> None:
        self.connection, self.users = connection, users
        connection.execute("SELECT setseed(0.5)")
        self.do(_SCORES, users=users)
        self.fill()
        connection.execute("CHECKPOINT")

    def do(self, template: LiteralString, *parameters: Any, **names: Any) -> psycopg.Cursor[Any]:
        """`template` of ours, with {name} and whatever else stands in it."""
        query: Any = template.format(name=self.TABLE, **names)
        return self.connection.execute(query, parameters or None, prepare=bool(parameters))

    def fill(self) -> None:  # noqa: B027  # scores alone need nothing
        """What stands beside the scores."""

    @abstractmethod
    def rank(self, score: int) -> int: ...

    def change(self, by: Mapping[str, int]) -> None:
        """As a projection does it: load, add, write back, in one transaction."""
        with self.connection.transaction():
            before: dict[str, int] = dict(self.do(_LOAD, list(by)).fetchall())
            after = {user: before[user] + gained for user, gained in by.items()}
            rows = [{"user_id": user, "score": score} for user, score in after.items()]
            self.do(_UPSERT, msgspec.json.encode(rows).decode())
            self.moved([(before[user], after[user]) for user in by])

    def moved(self, moves: Sequence[tuple[int, int]]) -> None:  # noqa: B027  # as above
        """From one score to another."""

    def add(self, counts: LiteralString, key: LiteralString, rows: Sequence[Mapping[str, int]]) -> None:
        self.do(_ADD, msgspec.json.encode(rows).decode(), counts=counts, key=key)


class CountOverIndex(Candidate):
    NAME, TABLE = "count over an index", "plain_scores"

    def rank(self, score: int) -> int:
        return 1 + _one(self.do("SELECT count(*) FROM {name} WHERE score > %s", score))


class Buckets(Candidate):
    """As many users in each at first; how it is kept so is left out, and would cost more."""

    NAME, TABLE = f"{BUCKETS:,} equi-depth buckets", "bucket_scores"

    def fill(self) -> None:
        self.do("CREATE TABLE bucket_counts (bucket bigint PRIMARY KEY, users bigint NOT NULL)")
        found = self.do(
            "SELECT score "
            "FROM (SELECT score, row_number() OVER (ORDER BY score) AS at FROM {name}) AS ordered "
            "WHERE at %% %s = 0 ORDER BY 1",
            max(1, self.users // BUCKETS),
        ).fetchall()
        self.bounds = sorted({score for (score,) in found})
        scores = self.do("SELECT score, count(*) FROM {name} GROUP BY 1").fetchall()
        counts: Counter[int] = Counter()
        for score, users in scores:
            counts[bisect_left(self.bounds, score)] += users
        self.add("bucket_counts", "bucket", [{"bucket": at, "users": users} for at, users in counts.items()])
        self.do("ANALYZE bucket_counts")

    def rank(self, score: int) -> int:
        bucket = bisect_left(self.bounds, score)
        top = self.bounds[bucket] if bucket < len(self.bounds) else 2**62
        return 1 + _one(
            self.do(
                "SELECT (SELECT coalesce(sum(users), 0)::bigint FROM bucket_counts WHERE bucket > %s) "
                "+ (SELECT count(*) FROM {name} WHERE score > %s AND score <= %s)",
                *(bucket, score, top),
            )
        )

    def moved(self, moves: Sequence[tuple[int, int]]) -> None:
        change: Counter[int] = Counter()
        for old, new in moves:
            change[bisect_left(self.bounds, old)] -= 1
            change[bisect_left(self.bounds, new)] += 1
        self.add("bucket_counts", "bucket", [{"bucket": at, "users": by} for at, by in change.items() if by])


class Tree(Candidate):
    """How many have each score, each 64 scores, each 4,096 …: a rank is the siblings above on each level."""

    NAME, TABLE = "a radix tree of counts", "tree_scores"

    def fill(self) -> None:
        self.do(
            "CREATE TABLE tree_counts "
            "(level bigint, node bigint, users bigint NOT NULL, PRIMARY KEY (level, node))"
        )
        for level in range(LEVELS):
            self.do(
                "INSERT INTO tree_counts SELECT {level}, score >> {shift}, count(*) FROM {name} GROUP BY 2",
                level=level,
                shift=BITS * level,
            )
        self.do("ANALYZE tree_counts")

    def rank(self, score: int) -> int:
        return 1 + _one(
            self.do(
                "SELECT coalesce(sum(users), 0)::bigint "
                "FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[]) AS above (level, low, high) "
                "JOIN tree_counts AS t "
                "ON t.level = above.level AND t.node BETWEEN low AND high",
                *siblings_above(score),
            )
        )

    def moved(self, moves: Sequence[tuple[int, int]]) -> None:
        change: Counter[tuple[int, int]] = Counter()
        for old, new in moves:
            for level in range(LEVELS):
                change[level, old >> BITS * level] -= 1
                change[level, new >> BITS * level] += 1
        rows = [{"level": level, "node": node, "users": by} for (level, node), by in change.items() if by]
        self.add("tree_counts", "level, node", rows)


def siblings_above(score: int) -> tuple[list[int], list[int], list[int]]:
    """Levels, and from which node to which each is above `score`; of the top level all that there are."""
    levels = list(range(LEVELS))
    lows = [(score >> BITS * level) + 1 for level in levels]
    highs = [(((score >> BITS * (level + 1)) + 1) << BITS) - 1 for level in levels]
    return levels, lows, [*highs[:-1], 2**62]


def _one(cursor: psycopg.Cursor[Any]) -> int:
    row = cursor.fetchone()
    assert row is not None
    return int(row[0])


async def measure(url: str, users: int = USERS) -> list[Figure]:
    """`url` is the owner's, of a migrated database."""
    return await asyncio.to_thread(lambda: list(_figures(url, users)))


def _figures(url: str, users: int) -> Iterator[Figure]:
    with psycopg.connect(conninfo(url, role=None), autocommit=True) as connection:
        connection.execute("SET plan_cache_mode = force_custom_plan")
        candidates = [kind(connection, users) for kind in (CountOverIndex, Buckets, Tree)]
        chance = random.Random(7)  # noqa: S311  # a benchmark's dice
        found = connection.execute(
            "SELECT score FROM plain_scores TABLESAMPLE SYSTEM (1) LIMIT 100000"
        ).fetchall()
        asked = [chance.choice(found)[0] for _ in range(ASKED)]
        assert all(len({one.rank(score) for one in candidates}) == 1 for score in asked[:20])
        plain: float | None = None
        for candidate in candidates:
            yield _ranking(candidate, asked)
        for candidate in candidates:
            rate = _updating(candidate, users)
            plain = plain or rate
            yield Figure(
                name=f"updates, {candidate.NAME}, {users:,} users",
                value=rate,
                unit="scores/s",
                baseline=f"{plain:,.0f} with scores alone",
                ratio=rate / plain,
            )


def _ranking(candidate: Candidate, asked: Sequence[int]) -> Figure:
    times = []
    for score in asked:
        start = time.perf_counter()
        candidate.rank(score)
        times.append(1000 * (time.perf_counter() - start))
        if sum(times) > 30_000:
            break
    p95 = statistics.quantiles(times, n=20)[-1]
    return Figure(
        name=f"a rank, {candidate.NAME}, {candidate.users:,} users",
        value=statistics.median(times),
        unit="ms",
        baseline=f"p95 {p95:.2f} ms",
        goal=f"p95 < {RANK_GOAL_MS:.0f} ms",
        met=p95 < RANK_GOAL_MS,
    )


def _updating(candidate: Candidate, users: int) -> float:
    chance = random.Random(11)  # noqa: S311  # as above
    batches = [
        {f"usr_{chance.randint(1, users):028}": 5 * chance.randint(1, 30) for _ in range(BATCH)}
        for _ in range(BATCHES)
    ]
    start = time.perf_counter()
    for batch in batches:
        candidate.change(batch)
    return sum(map(len, batches)) / (time.perf_counter() - start)
