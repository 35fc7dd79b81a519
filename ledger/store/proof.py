"""Snapshots held against a full replay of their streams."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec
from psycopg import Connection
from psycopg.rows import tuple_row

from ledger.domains import DECIDERS, EVENT_TYPES
from ledger.message import Event
from ledger.store.forms import AnyDecider, Form, Forms
from ledger.store.mapper import COLUMNS, FactMapper

_SELECT_SNAPSHOTS = """
    SELECT s.stream, s.version, s.shape, s.state, begun.type, e.hash IS NOT NULL,
        s.seal = sha256(e.hash || convert_to(s.shape, 'UTF8') || s.state)
    FROM snapshots AS s
    LEFT JOIN events AS e ON e.stream = s.stream AND e.version = s.version
    LEFT JOIN events AS begun ON begun.stream = s.stream AND begun.version = 1
    ORDER BY s.stream
"""
_SELECT_FACTS = f"SELECT {COLUMNS} FROM events WHERE stream = %s AND version <= %s ORDER BY version"  # noqa: S608  # COLUMNS is a constant
_COUNT = "SELECT count(*) FROM snapshots"

AHEAD = "is ahead of its stream; it is ignored"
UNSEALED = "was changed since it was written, or is of another history; it is ignored"
UNREADABLE = "cannot be read; it is ignored"
WRONG = "does not hold what the facts say, and decisions are made on it"

Progress = Callable[[int, int], None]


class BadSnapshot(msgspec.Struct, frozen=True):
    stream: str
    version: int
    why: str


class Proof(msgspec.Struct, frozen=True):
    """What became of each snapshot that is stored."""

    proved: int
    """Equal to a full replay of their streams."""
    outdated: int
    """Of another version of the rules, and ignored until the next one replaces them."""
    bad: tuple[BadSnapshot, ...]


def prove_snapshots(
    conn: Connection[Any],
    *,
    deciders: Iterable[AnyDecider] = DECIDERS,
    event_types: Iterable[type[Event]] = EVENT_TYPES,
    on_progress: Progress = lambda *_: None,
) -> Proof:
    """Fold every stream of which there is a snapshot up to its version, and compare. Writers may go on."""
    replay = _Replay(conn, deciders, event_types)
    proved, outdated, bad = 0, 0, []
    with conn.transaction(), conn.cursor("snapshots", row_factory=tuple_row, binary=True) as cursor:
        conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        with conn.cursor(row_factory=tuple_row) as counting:
            total = (counting.execute(_COUNT).fetchone() or (0,))[0]
        cursor.itersize = 100
        for done, row in enumerate(cursor.execute(_SELECT_SNAPSHOTS), start=1):
            why = replay.judge(row)
            if why is None:
                outdated += 1
            elif why:
                bad.append(BadSnapshot(row[0], row[1], why))
            else:
                proved += 1
            on_progress(done, total)
    return Proof(proved, outdated, tuple(bad))


class _Replay:
    def __init__(
        self, conn: Connection[Any], deciders: Iterable[AnyDecider], event_types: Iterable[type[Event]]
    ) -> None:
        self._conn = conn
        self._decode = FactMapper(event_types).decode
        self._forms = Forms()
        self._rules = {event.TYPE: decider for decider in deciders for event in decider.events}

    def judge(self, row: tuple[Any, ...]) -> str | None:
        """What is wrong with a snapshot; empty for nothing, None for one of other rules than these."""
        stream, version, shape, stored, begun, is_placed, is_sealed = row
        if not is_placed:
            return AHEAD
        decider = self._rules.get(begun)  # one domain alone records the type of a stream's first fact
        form = self._forms.of(decider) if decider else None
        if decider is None or form is None or form.shape != shape:
            return None
        if not is_sealed:
            return UNSEALED
        return _difference(form, stored, self._fold(decider, stream, version))

    def _fold(self, decider: AnyDecider, stream: str, version: int) -> Any:
        state = decider.initial
        with self._conn.cursor("facts", row_factory=tuple_row, binary=True) as cursor:
            cursor.itersize = 5_000
            for row in cursor.execute(_SELECT_FACTS, (stream, version)):
                state = decider.evolve(state, self._decode(row).event)
        return state


def _difference(form: Form, stored: bytes, folded: Any) -> str:
    try:
        restored = form.decode(stored)
    except Exception:  # noqa: BLE001  # as whoever loads it
        return UNREADABLE
    return "" if form.encode(restored) == form.encode(folded) else WRONG
