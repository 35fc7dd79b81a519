"""Folded streams: what deciders decide on. The cache may be behind; the database settles that."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from psycopg import AsyncConnection

from ledger.message import Decider, Recorded
from ledger.store.mapper import COLUMNS, FactMapper, Row

AnyDecider = Decider[Any, Any, Any]

_SELECT_NEWER = f"""
    SELECT {", ".join(f"e.{column}" for column in COLUMNS.split(", "))}
    FROM unnest(%s::text[], %s::bigint[]) AS known (stream, version)
    JOIN events AS e ON e.stream = known.stream AND e.version > known.version
    ORDER BY e.position
"""  # noqa: S608  # COLUMNS is a constant
_SELECT_STREAMS = f"""
    SELECT {", ".join(f"e.{column}" for column in COLUMNS.split(", "))}
    FROM (
        SELECT stream, min(version) AS version
        FROM unnest(%s::text[], %s::bigint[]) AS each (stream, version)
        GROUP BY stream
    ) AS asked
    JOIN events AS e ON e.stream = asked.stream AND e.version > asked.version
    ORDER BY e.position
"""  # noqa: S608  # as above
_SELECT_AFTER = f"SELECT {COLUMNS} FROM events WHERE position > %s ORDER BY position LIMIT %s"  # noqa: S608  # as above
_SELECT_COMMANDS = f"""
    SELECT {", ".join(f"e.{column}" for column in COLUMNS.split(", "))}
    FROM events AS first
    JOIN events AS e ON e.position >= first.position AND e.position < first.position + 1000
        AND e.command_id = first.command_id
    WHERE first.command_id = ANY(%s) AND first.command_index = 0
    ORDER BY e.position
"""  # noqa: S608  # as above


class Folded(msgspec.Struct, frozen=True):
    """A stream's state after its first `version` events."""

    version: int
    state: Any


class StreamCache:
    """The least recently used folded streams go first."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._folded: OrderedDict[str, Folded] = OrderedDict()

    def get(self, stream: str) -> Folded | None:
        folded = self._folded.get(stream)
        if folded is not None:
            self._folded.move_to_end(stream)
        return folded

    def update(self, folded: Mapping[str, Folded]) -> None:
        """Keeps what is newer."""
        for stream, new in folded.items():
            old = self._folded.get(stream)
            if old is None or old.version <= new.version:
                self._folded[stream] = new
                self._folded.move_to_end(stream)
        while len(self._folded) > self._size:
            self._folded.popitem(last=False)

    def __len__(self) -> int:
        return len(self._folded)


class StreamLoader:
    """Reads streams on a connection of the caller's."""

    def __init__(self, mapper: FactMapper) -> None:
        self._decode = mapper.decode

    async def refresh(
        self, conn: AsyncConnection[Any], deciders: Mapping[str, AnyDecider], known: Mapping[str, Folded]
    ) -> dict[str, Folded]:
        """The streams of `deciders` as they are now, in one query; only what is newer is read."""
        folded = {
            stream: known.get(stream) or Folded(0, decider.initial) for stream, decider in deciders.items()
        }
        versions = [folded[stream].version for stream in deciders]
        for recorded in await self._select(conn, _SELECT_NEWER, (list(deciders), _bigints(versions))):
            before, decider = folded[recorded.stream], deciders[recorded.stream]
            folded[recorded.stream] = Folded(recorded.version, decider.evolve(before.state, recorded.event))
        return folded

    async def streams(
        self, conn: AsyncConnection[Any], asked: Sequence[tuple[str, int]]
    ) -> list[list[Recorded]]:
        """For each stream and version asked for, the facts above it; in one query."""
        names, versions = [stream for stream, _ in asked], [after for _, after in asked]
        facts: dict[str, list[Recorded]] = {stream: [] for stream in names}
        for recorded in await self._select(conn, _SELECT_STREAMS, (names, _bigints(versions))):
            facts[recorded.stream].append(recorded)
        return [[fact for fact in facts[stream] if fact.version > after] for stream, after in asked]

    async def after(self, conn: AsyncConnection[Any], position: int, limit: int) -> list[Recorded]:
        return await self._select(conn, _SELECT_AFTER, (position, limit))

    async def commands(
        self, conn: AsyncConnection[Any], command_ids: list[str]
    ) -> dict[str, tuple[Recorded, ...]]:
        """What each of these commands recorded, for those that were recorded."""
        found: dict[str, tuple[Recorded, ...]] = {}
        for recorded in await self._select(conn, _SELECT_COMMANDS, (command_ids,)):
            found[recorded.command_id] = (*found.get(recorded.command_id, ()), recorded)
        return found

    async def _select(
        self, conn: AsyncConnection[Any], query: str, arguments: tuple[Any, ...]
    ) -> list[Recorded]:
        async with conn.cursor(binary=True) as cursor:
            await cursor.execute(query.encode(), arguments, prepare=True)
            rows: list[Row] = await cursor.fetchall()
        decode = self._decode
        return [decode(row) for row in rows]


def _bigints(numbers: list[int]) -> str:
    return f"{{{','.join(map(str, numbers))}}}"
