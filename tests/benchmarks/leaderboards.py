"""Boards of many users: built anew, asked over HTTP, and what a further award costs, beside boards of few."""

from __future__ import annotations

import asyncio
import random
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice, product
from pathlib import Path

import msgspec
import psycopg
from psycopg.sql import SQL, Identifier

from ledger.catalogue import DEFAULT_CATALOGUE, Feature
from ledger.friendships.events import FriendAccepted
from ledger.friendships.stream import stream_of
from ledger.ids import new_id
from ledger.message import Event, Metadata, Recorded
from ledger.store import conninfo, migrate
from ledger.store.chain import verify
from ledger.tokens.events import Stretch, TokensAwarded
from projections.live import rebuild
from projections.registry import PROJECTIONS
from tests.benchmarks.http import cpu_s, latency, read, service
from tests.benchmarks.measure import Figure, interleaved
from tests.benchmarks.ranks import USERS
from tests.projections.histories import append
from tests.projections.tables import catch_up

FEW = 10_000
REGULARS, DAYS = 25_000, 40
"""Users with an award on each of as many days, as in a history of a month or so."""
FRIENDS = 200
AWARDS = 5_000
"""In a round, each to another user, so that boards of many and of few have as many rows to change."""
ASKED = 2_000
CONNECTIONS = (1, 4)
GOAL_MS, REBUILD_GOAL, RATIO_GOAL = 10, 100_000, 0.8
CHUNK = 50_000
QUESTIONS = {
    "beside them GET /api/me, whatever there is": "/api/me",
    "the top 100": "/api/leaderboard/global?limit=100&window=all",
    "one's own rank": "/api/leaderboard/global?limit=1&window=week",
    "around me": "/api/leaderboard/global?around=me&limit=20&window=month",
    f"{FRIENDS} friends": "/api/leaderboard/friends?limit=20&window=all",
}


class Earners:
    """So many users, each with an award, and then more of them."""

    def __init__(self, url: str, users: int) -> None:
        self.url, self.users = url, users
        self._chance = random.Random(users)  # noqa: S311  # a benchmark's dice
        self._versions: dict[str, int] = {}
        self._facts = 0

    def seed(self, days: int = 1) -> None:
        """One award for each on each day, one of them to usr_bench, and friends of theirs.

        The days are to come, as a window that is over when its awards are recorded shows none of them.
        """
        facts = (self._award(user, day) for day in range(days) for user in self._each())
        while chunk := list(islice(facts, CHUNK)):
            append(self.url, chunk)
        append(self.url, [self._friend(user) for user in range(min(FRIENDS, self.users))])

    def _each(self) -> Iterator[str]:
        yield "usr_bench"
        yield from map(_user, range(self.users - 1))

    def award(self, awards: int) -> float:
        """Seconds until they are recorded, and shown on the boards."""
        facts = [self._award(_user(user)) for user in self._chance.sample(range(self.users - 1), awards)]
        start = time.perf_counter()
        append(self.url, facts)
        catch_up(self.url, {"leaderboards": PROJECTIONS["leaderboards"]})
        return time.perf_counter() - start

    def _award(self, user: str, day: int = 0) -> Recorded:
        at = datetime.now(UTC) + timedelta(days=day, seconds=-self._chance.randrange(60))
        amount = 5 * self._chance.randrange(1, 400)
        awarded = TokensAwarded(
            user_id=user,
            rule="course_completed",
            source_ref=new_id("crs"),
            lot_id=new_id("lot"),
            asked=amount,
            amount=amount,
            awarded_at=at,
            stretch=Stretch(amount),
        )
        return self._fact(f"tokens-{user}", awarded, at)

    def _friend(self, user: int) -> Recorded:
        accepted = FriendAccepted(user_id="usr_bench", other_id=_user(user))
        return self._fact(stream_of("usr_bench", _user(user)), accepted, datetime.now(UTC))

    def _fact(self, stream: str, event: Event, at: datetime) -> Recorded:
        self._facts += 1
        version = self._versions[stream] = self._versions.get(stream, 0) + 1
        metadata = Metadata(actor="worker", command="bench", command_digest="", effective_at=at)
        return Recorded(self._facts, stream, version, event, metadata, at, f"cmd-{self._facts}")


def _user(number: int) -> str:
    """As opaque ids are: in no order."""
    return f"usr_{(number * 2654435761) % 2**32:08x}{number:024x}"


async def measure(url: str) -> list[Figure]:
    """`url` is the owner's, of a migrated database; boards of others have one beside it."""
    many, few = Earners(url, USERS), Earners(_beside(url, "few"), FEW)
    regular = Earners(_beside(url, "regular"), REGULARS)
    await asyncio.to_thread(regular.seed, DAYS)
    figures = [await asyncio.to_thread(_rebuilt, regular, f"of users with {DAYS} awards")]
    for earners in (few, many):
        await asyncio.to_thread(earners.seed)
    figures.append(await asyncio.to_thread(_rebuilt, many, "of users with one award"))
    await asyncio.to_thread(rebuild, few.url, ["leaderboards"])
    await asyncio.to_thread(_others_caught_up, url)
    figures.append(await _awarding(many, few))
    await asyncio.to_thread(catch_up, url)
    return figures + await _asking(url)


def _others_caught_up(url: str) -> None:
    """As if they had seen all awards, of which they show nothing; and the friends, who came last."""
    with psycopg.connect(conninfo(url, role=None), autocommit=True) as conn:
        conn.execute(
            _SKIP, {"names": [name for name in PROJECTIONS if name != "leaderboards"], "but": FRIENDS}
        )
    catch_up(url)


_SKIP = """
    INSERT INTO positions (application_name, notification_id)
    SELECT name, head.position - %(but)s
    FROM unnest(%(names)s::text[]) AS wanted (name), head
"""


def _beside(url: str, name: str) -> str:
    beside = psycopg.conninfo.make_conninfo(url, dbname=f"bench_{name}")
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute(SQL("CREATE DATABASE {}").format(Identifier(f"bench_{name}")))
    migrate(beside)
    return beside


def _rebuilt(earners: Earners, of: str) -> Figure:
    start = time.perf_counter()
    with psycopg.connect(conninfo(earners.url)) as conn:
        position = verify(conn).position
    proving = position / (time.perf_counter() - start)
    start, process_start = time.perf_counter(), time.process_time()
    rebuild(earners.url, ["leaderboards"])
    rate = position / (time.perf_counter() - start)
    own_us = 1e6 * (time.process_time() - process_start) / position
    with psycopg.connect(conninfo(earners.url, role=None), autocommit=True) as conn:
        conn.execute("VACUUM ANALYZE leaderboard_scores, leaderboard_counts")
        [(rows,)] = conn.execute("SELECT count(*) FROM leaderboard_scores").fetchall()
    return Figure(
        name=f"the boards {of} built anew, {position:,} facts, {rows / position:.1f} rows of each",
        value=rate,
        unit="facts/s",
        baseline=f"to prove the chain alone: {proving:,.0f}/s; the process's own: {own_us:.1f} µs a fact",
        ratio=rate / proving,
        goal=f"≥ {REBUILD_GOAL:,}",
        met=rate >= REBUILD_GOAL,
    )


async def _awarding(many: Earners, few: Earners) -> Figure:
    async def rate(earners: Earners) -> float:
        return AWARDS / await asyncio.to_thread(earners.award, AWARDS)

    median = await interleaved({"many": partial(rate, many), "few": partial(rate, few)})
    ratio = median["many"] / median["few"]
    return Figure(
        name=f"awards recorded and shown, boards of {many.users:,} users",
        value=median["many"],
        unit="awards/s",
        baseline=f"boards of {few.users:,}: {median['few']:,.0f}/s",
        ratio=ratio,
        goal=f"≥ {RATIO_GOAL}",
        met=ratio >= RATIO_GOAL,
    )


async def _asking(url: str) -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="liberation-bench-") as folder:
        catalogue = Path(folder) / "plans.json"
        catalogue.write_bytes(msgspec.json.encode(_open_to_all()))
        async with service(url, LIBERATION_CATALOGUE=str(catalogue)) as (address, credential, process):
            figures = []
            for (name, path), connections in product(QUESTIONS.items(), CONNECTIONS):
                before = cpu_s(process)
                rounds = [await read(address, [path], connections, ASKED, credential) for _ in range(3)]
                own_ms = 1000 * (cpu_s(process) - before) / (3 * ASKED)
                called = (
                    f"{name} of {USERS:,}, {connections} at a time, {own_ms:.1f} ms of the service's own each"
                )
                figures.append(latency(called, rounds, goal_ms=GOAL_MS))
            return figures


def _open_to_all() -> object:
    """The catalogue where everybody has the board of friends."""
    tiers = {
        name: msgspec.structs.replace(tier, features={**tier.features, "friend_leaderboard": Feature()})
        for name, tier in DEFAULT_CATALOGUE.tiers.items()
    }
    return msgspec.structs.replace(DEFAULT_CATALOGUE, tiers=tiers)
