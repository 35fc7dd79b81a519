"""Builds projections again from the facts, beside the live ones: to replace them, or to compare.

The hash chain is recomputed in the same pass, before anything is folded, and on to the head before anything
is replaced or said: tables that follow from a history that was tampered with would hide that it was. What no
projection at hand is about is proven as well, but not decoded.

Everything is folded in memory and copied once. What is only ever appended (entries, postings, audit) goes
to the server chunk by chunk; what changes (payments, webhooks …) stays in memory until the end.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from itertools import chain
from typing import Any

import msgspec
import psycopg
from psycopg import Connection, Cursor, errors
from psycopg.sql import SQL, Identifier

from ledger.errors import OperatorError
from ledger.message import Event
from ledger.store import conninfo
from ledger.store.migrations import find_migrations
from ledger.store.proven import ProvenHistory, ends_before
from projections.engine.buffers import Log, TableBuffer
from projections.engine.copying import copying
from projections.engine.digest import digests
from projections.engine.projection import Projection
from projections.engine.tables import Table

CHUNK = 10_000
"""Facts read and folded at a time."""
_AT_A_TIME = 2
"""Indexes that are made, each with as much memory."""
_CLOSE = 1_000
"""So near to the live tables the rest is folded while they stand still."""

Progress = Callable[[int, int], None]
"""Called with the position reached and the one aimed at."""


def unheard(_reached: int, _aim: int) -> None:
    """Progress that nobody wants to know."""


class RebuildRunning(OperatorError):
    """Another rebuild or check of this schema is at work."""

    code = "rebuild_running"


class Difference(msgspec.Struct, frozen=True):
    """A table that does not hold what the facts say."""

    projection: str
    table: str
    position: int
    """Up to where both were folded."""
    live: str
    rebuilt: str
    """Digests, see `projections.engine.digest`."""


class Checked(msgspec.Struct, frozen=True):
    """The result of a comparison."""

    positions: dict[str, int]
    """Up to where each projection was compared."""
    digests: dict[str, str]
    """Of each live table at that position."""
    differences: tuple[Difference, ...]


def rebuild(
    url: str,
    projections: Mapping[str, type[Projection]],
    names: Sequence[str],
    *,
    schema: str = "liberation",
    progress: Progress = unheard,
) -> int:
    """Replace the tables of those of `projections` that are named by new ones; answers with their position.

    Needs the owner of the tables. The service may run: readers see the old tables until the very end, a
    runner goes on from where the new ones stand. Raises `RebuildRunning`, `ChainBroken` where history is not
    what was appended, and `CannotProject` where a projection cannot take a fact, leaving the live tables as
    they are.
    """
    with _beside(url, schema) as (live, side), ProvenHistory(url, schema=schema) as history:
        building = _Building([projections[name]() for name in names], history)
        building.fill(_side(url, schema), _head(live, history, tuple(projections)), progress)
        while (aim := max(_positions(live, names).values(), default=0)) - building.position > _CLOSE:
            building.follow(side, aim)
        return _swap(live, side, schema, building, names)


def check(
    url: str,
    projections: Mapping[str, type[Projection]],
    names: Sequence[str],
    *,
    schema: str = "liberation",
    progress: Progress = unheard,
) -> Checked:
    """Compare the live tables of those of `projections` that are named with new ones at the same position.

    Raises as `rebuild` does.
    """
    with _beside(url, schema) as (live, side), ProvenHistory(url, schema=schema) as history:
        positions, seen = _look(live, [projections[name]() for name in names])
        _head(live, history, tuple(projections))
        differences: list[Difference] = []
        for position in sorted(set(positions.values())):
            together = [projections[name]() for name in names if positions[name] == position]
            building = _Building(together, history)
            building.fill(_side(url, schema), position, progress)
            for projection in together:
                made = digests(side.cursor(), projection.tables)
                differences += [
                    Difference(projection.NAME, table, position, seen[table], made[table])
                    for table in made
                    if made[table] != seen[table]
                ]
        building.history.check_rest()
    return Checked(positions, seen, tuple(differences))


class _Building:
    """Projections in memory, and how far their tables on the side are."""

    def __init__(self, projections: Sequence[Projection], history: ProvenHistory) -> None:
        self.projections = projections
        self.history = history.walk(_facts(projections))

    @property
    def position(self) -> int:
        return self.history.position

    def fill(self, url: str, aim: int, progress: Progress) -> None:
        """Bring the empty tables at `url` to `aim`.

        Each log has a connection of its own with one COPY, so that the server works while facts are folded.
        """
        tables = _tables(self.projections)
        indexes = _drop_indexes(url, tables)
        with _without_collection(), ExitStack() as opened:
            logs = [(buffer, opened.enter_context(_open_copy(url, buffer.table))) for buffer in self._logs()]
            for batch in opened.enter_context(closing(self.history.batches(aim, CHUNK))):
                for projection in self.projections:
                    projection.project_batch(batch)
                for log, write_row in logs:
                    for row in log.drain():
                        write_row(row)
                progress(self.position, aim)
        with psycopg.connect(url) as side, side.cursor() as cursor:
            for buffer in self._buffers():
                buffer.copy(cursor)
        _make_indexes(url, indexes)
        with psycopg.connect(url) as side:
            for table in tables:
                side.execute(table.compose("ANALYZE {table}"))

    def _buffers(self) -> Iterator[TableBuffer]:
        return chain.from_iterable(projection.buffers for projection in self.projections)

    def _logs(self) -> list[Log[Any]]:
        return [buffer for buffer in self._buffers() if isinstance(buffer, Log)]

    def follow(self, side: Connection[Any], aim: int) -> None:
        """Bring the filled tables on to `aim`."""
        with (
            side.transaction(),
            side.cursor() as cursor,
            closing(self.history.batches(aim, CHUNK)) as batches,
        ):
            for batch in batches:
                for projection in self.projections:
                    projection.project_batch(batch)
                    projection.write(cursor)


def _facts(projections: Sequence[Projection]) -> frozenset[type[Event]] | None:
    """What any of them is about; None for all."""
    facts: frozenset[type[Event]] = frozenset()
    for projection in projections:
        if projection.FACTS is None:
            return None
        facts |= projection.FACTS
    return facts


_INDEXES = """
    SELECT format('DROP INDEX %%I.%%I', n.nspname, c.relname), pg_get_indexdef(i.indexrelid)
    FROM pg_index AS i
    JOIN pg_class AS c ON c.oid = i.indexrelid
    JOIN pg_namespace AS n ON n.oid = c.relnamespace
    LEFT JOIN pg_constraint AS k ON k.conindid = i.indexrelid
    WHERE i.indrelid = ANY(%s::regclass[]) AND k.oid IS NULL
"""


def _drop_indexes(url: str, tables: Sequence[Table[Any]]) -> list[bytes]:
    """Drop all but those of keys; answers with how to make them. To sort once is quicker than to insert."""
    with psycopg.connect(url) as side:
        found = side.execute(_INDEXES, ([table.name for table in tables],)).fetchall()
        for drop, _ in found:
            side.execute(drop.encode())  # the server's own words, as those that make it again
        return [definition.encode() for _, definition in found]


def _make_indexes(url: str, definitions: Sequence[bytes]) -> None:
    """Several at a time, also of one table: each is sorted by a server process of its own."""

    def make(definition: bytes) -> None:
        with psycopg.connect(url) as side:
            side.execute("SET maintenance_work_mem = '256MB'")
            side.execute(definition)

    with ThreadPoolExecutor(_AT_A_TIME, thread_name_prefix="indexes") as makers:
        for _ in makers.map(make, definitions):
            pass  # raises what one of them does


@contextmanager
def _without_collection() -> Iterator[None]:
    """Facts and rows form no cycles; looking for some took two fifths of the time of a rebuild."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


@contextmanager
def _open_copy(url: str, table: Table[Any]) -> Iterator[Callable[[Sequence[Any]], None]]:
    with psycopg.connect(url) as side, side.cursor() as cursor, copying(cursor, table) as write_row:
        yield write_row


_TRY_LOCK = "SELECT pg_try_advisory_lock(hashtextextended('liberation rebuild ' || %s, 0))"
_UNLOCK = "SELECT pg_advisory_unlock(hashtextextended('liberation rebuild ' || %s, 0))"


@contextmanager
def _beside(url: str, schema: str) -> Iterator[tuple[Connection[Any], Connection[Any]]]:
    """A connection to the live tables and one to empty ones in `<schema>_rebuild`, gone afterwards."""
    other = Identifier(f"{schema}_rebuild")
    with (
        psycopg.connect(conninfo(url, schema=schema, role=None, name="rebuild"), autocommit=True) as live,
        psycopg.connect(_side(url, schema), autocommit=True) as side,
    ):
        row = live.execute(_TRY_LOCK, (schema,)).fetchone()
        if row is None or not row[0]:
            raise RebuildRunning(f"schema {schema} is being rebuilt or checked already; wait for that to end")
        drop = SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(other)
        try:
            side.execute("SET client_min_messages = warning")  # else it tells of all that it drops
            side.execute(drop)
            side.execute(SQL("CREATE SCHEMA {}").format(other))
            for migration in find_migrations("projections"):
                side.execute(migration.sql.encode())
            yield live, side
        finally:
            if not side.closed:
                side.execute(drop)
            if not live.closed:
                live.execute(_UNLOCK, (schema,))  # the server ends a session some time after it is closed


def _side(url: str, schema: str) -> str:
    return conninfo(url, schema=f"{schema}_rebuild", role=None, name="rebuild")


def _head(live: Connection[Any], history: ProvenHistory, names: Sequence[str]) -> int:
    """Where history ends. Raises `ChainBroken` when any projection has seen more than there is."""
    seen = max(_positions(live, names).values())  # before the head, which only grows
    head = history.head().position
    if seen > head:
        raise ends_before(head, seen)
    return head


_POSITIONS = "SELECT application_name, notification_id FROM positions WHERE application_name = ANY(%s)"


def _positions(live: Connection[Any], names: Sequence[str]) -> dict[str, int]:
    """Where each of `names` stands; 0 for one that never ran."""
    found = dict(live.execute(_POSITIONS, (list(names),)).fetchall())
    return {name: found.get(name, 0) for name in names}


def _look(live: Connection[Any], projections: Sequence[Projection]) -> tuple[dict[str, int], dict[str, str]]:
    """Positions and digests at one moment, however much is being written."""
    with live.transaction(), live.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        positions = _positions(live, [projection.NAME for projection in projections])
        return positions, digests(cursor, _tables(projections))


def _tables(projections: Sequence[Projection]) -> tuple[Table[Any], ...]:
    return tuple(chain.from_iterable(projection.tables for projection in projections))


_LOCK_POSITIONS = """
    SELECT notification_id
    FROM positions
    WHERE application_name = ANY(%s)
    ORDER BY application_name
    FOR UPDATE
"""
_SET_POSITIONS = """
    INSERT INTO positions (application_name, notification_id)
    SELECT name, %s
    FROM unnest(%s::text[]) AS wanted (name)
    ON CONFLICT (application_name) DO UPDATE SET notification_id = excluded.notification_id
"""


def _swap(
    live: Connection[Any], side: Connection[Any], schema: str, building: _Building, names: Sequence[str]
) -> int:
    """Put the new tables into the old ones' place, with their position, in one transaction.

    The position rows are locked first, so no runner moves the old tables meanwhile. Readers hold locks on
    tables in an order of their own: rather than wait for each other, this gives way and tries again.
    """
    while True:
        try:
            with live.transaction(), live.cursor() as cursor:
                cursor.execute("SET LOCAL lock_timeout = '500ms'")  # less than deadlock_timeout, 1 s
                cursor.execute(_LOCK_POSITIONS, (list(names),))
                building.follow(side, max((row[0] for row in cursor.fetchall()), default=0))
                building.history.check_rest()
                _move(cursor, schema, _tables(building.projections))
                cursor.execute(_SET_POSITIONS, (building.position, list(names)))
        except (errors.LockNotAvailable, errors.DeadlockDetected):
            time.sleep(0.1)
        else:
            return building.position


def _move(cursor: Cursor[Any], schema: str, tables: Sequence[Table[Any]]) -> None:
    names = SQL(", ").join(Identifier(schema, table.name) for table in tables)
    cursor.execute(SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(names))
    cursor.execute(SQL("DROP TABLE {}").format(names))
    for table in tables:
        moved = SQL("ALTER TABLE {} SET SCHEMA {}")
        cursor.execute(moved.format(Identifier(f"{schema}_rebuild", table.name), Identifier(schema)))
