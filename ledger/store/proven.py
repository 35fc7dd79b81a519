"""Facts with their chain recomputed in the same pass: what is handed out is what was appended."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
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
from ledger.store.mapper import FactMapper

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
        self.event_types = tuple(event_types)
        self.mapper = FactMapper(self.event_types)

    def head(self) -> chain.Head:
        """Raises `ChainBroken` when there is none."""
        return chain.read_head(self.conn)

    def walk(self, facts: frozenset[type[Event]] | None = None) -> ProvenWalk:
        """Hands out `facts` alone, or all. The chain is that of all in either case."""
        return ProvenWalk(self, facts)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.conn.close()


class ProvenWalk:
    """Once through the history. Facts that are appended meanwhile must be chained to those already seen."""

    def __init__(self, history: ProvenHistory, facts: frozenset[type[Event]] | None) -> None:
        self._history = history
        self._walk = chain.Walk(history.head().ledger_id)
        self._unread = frozenset(
            one.TYPE.encode() for one in history.event_types if facts is not None and not _is_of(one, facts)
        )

    @property
    def position(self) -> int:
        """Of the last fact that was proven."""
        return self._walk.position

    def batches(self, aim: int, limit: int) -> Generator[list[Recorded]]:
        """The facts from here to position `aim`, of at most `limit` at a time; to be closed.

        The database looks for the next batch while one is worked on. Raises `ChainBroken` for the first fact
        that is not what was appended there, before any of its batch is read, or when history ends before
        `aim`; else the library's `MapperDeserialisationError` for one that this version cannot read, or of a
        type that it does not know.
        """
        if self.position >= aim:
            return
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="history") as ahead:
            coming = ahead.submit(self._rows, chain.first_row(self._walk), min(limit, aim - self.position))
            while self.position < aim:
                rows = coming.result()
                if not rows:
                    raise ends_before(self.position, aim)
                last = rows[-1][0]
                if last < aim:
                    coming = ahead.submit(self._rows, last + 1, min(limit, aim - last))
                self._walk.steps(rows)
                yield self._read(rows)

    def check_rest(self, progress: chain.Progress = lambda *_: None) -> None:
        """All that was not handed out is chained on, up to the head of this moment. Else `ChainBroken`."""
        conn, rest = self._history.conn, self._walk.copy()
        with chain.snapshot(conn):
            chain.finish(conn, chain.read_head(conn), rest, progress)

    def _rows(self, first: int, limit: int) -> list[chain.Link]:
        with chain.legible(), self._history.conn.cursor(row_factory=tuple_row, binary=True) as cursor:
            return cursor.execute(_BATCH.encode(), (first, limit)).fetchall()

    def _read(self, rows: Iterable[chain.Link]) -> list[Recorded]:
        """Their texts are those that were appended, so they can be decoded."""
        decode, unread, found = self._history.mapper.decode, self._unread, []
        recorded_at, at = b"", _EPOCH
        for position, sent_at, version, _, stream, type_, command_id, data, metadata, _ in rows:
            if type_ in unread:
                continue
            if sent_at != recorded_at:  # facts that were appended together have the same
                recorded_at, at = sent_at, _moment(sent_at)
            row = (
                position,
                stream.decode(),
                version,
                type_.decode(),
                data,
                metadata,
                at,
                command_id.decode(),
            )
            found.append(decode(row))
        return found


def _is_of(one: type[Event], facts: frozenset[type[Event]]) -> bool:
    """An old form may become any of them."""
    return one in facts or one.upcast is not Event.upcast


def ends_before(position: int, seen: int) -> ChainBroken:
    """History ends at `position`, although somebody has seen the fact at `seen`."""
    return ChainBroken(
        position + 1,
        f"position {position + 1} is gone: history ends at {position}, and position {seen} was read before: "
        "the tail was cut",
    )


def _moment(sent: bytes) -> datetime:
    return _EPOCH + timedelta(microseconds=int.from_bytes(sent, "big", signed=True))
