"""Facts with their chain recomputed in the same pass: what is handed out is what was appended."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Self

import psycopg
from psycopg.rows import tuple_row

from ledger.domains import EVENT_TYPES
from ledger.errors import ChainBroken
from ledger.message import Event, Recorded
from ledger.store import chain
from ledger.store.connection import APPLICATION, Role, conninfo
from ledger.store.mapper import FactMapper, Row

_BATCH = f"{chain.SELECT_LINKS_FROM} LIMIT %s"
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
"""From which PostgreSQL counts microseconds."""


class ProvenHistory:
    """For one thread. Walks over it are independent of each other; each begins at the first fact."""

    def __init__(
        self,
        url: str,
        *,
        schema: str = "liberation",
        role: Role = APPLICATION,
        event_types: Iterable[type[Event]] = EVENT_TYPES,
    ) -> None:
        self.conn: psycopg.Connection[Any] = psycopg.connect(
            conninfo(url, schema=schema, role=role, name="proven history"), autocommit=True
        )
        self.mapper = FactMapper(event_types)

    def head(self) -> chain.Head:
        """Raises `ChainBroken` when there is none."""
        return chain.read_head(self.conn)

    def walk(self) -> ProvenWalk:
        return ProvenWalk(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.conn.close()


class ProvenWalk:
    """Once through the history. Facts that are appended meanwhile must be chained to those already seen."""

    def __init__(self, history: ProvenHistory) -> None:
        self._history = history
        self._walk = chain.Walk(history.head().ledger_id)

    @property
    def position(self) -> int:
        """Of the last fact that was handed out."""
        return self._walk.position

    def batch(self, aim: int, limit: int) -> list[Recorded]:
        """The next facts, at most `limit` and none after position `aim`; empty when that is reached.

        Raises `ChainBroken` for the first that is not what was appended there, before any of the batch is
        read, or when history ends before `aim`; else the library's `MapperDeserialisationError` for one that
        this version cannot read.
        """
        if self.position >= aim:
            return []
        rows = self._rows(min(limit, aim - self.position))
        if not rows:
            raise ends_before(self.position, aim)
        for row in rows:
            self._walk.step(row)
        decode = self._history.mapper.decode
        return [decode(_row(row)) for row in rows]

    def check_rest(self, progress: chain.Progress = lambda *_: None) -> None:
        """All that was not handed out is chained on, up to the head of this moment. Else `ChainBroken`."""
        conn, rest = self._history.conn, self._walk.copy()
        with chain.snapshot(conn):
            chain.finish(conn, chain.read_head(conn), rest, progress)

    def _rows(self, limit: int) -> list[chain.Link]:
        with chain.legible(), self._history.conn.cursor(row_factory=tuple_row, binary=True) as cursor:
            return cursor.execute(_BATCH.encode(), (chain.first_row(self._walk), limit)).fetchall()


def ends_before(position: int, seen: int) -> ChainBroken:
    """History ends at `position`, although somebody has seen the fact at `seen`."""
    return ChainBroken(
        position + 1,
        f"position {position + 1} is gone: history ends at {position}, and position {seen} was read before: "
        "the tail was cut",
    )


def _row(link: chain.Link) -> Row:
    """A row as the mapper takes it. Its texts are those that were appended, so they can be decoded."""
    position, recorded_at, version, _, stream, type_, command_id, data, metadata, _ = link
    at = _EPOCH + timedelta(microseconds=int.from_bytes(recorded_at, "big", signed=True))
    return (position, stream.decode(), version, type_.decode(), data, metadata, at, command_id.decode())
