"""The database side of projections: rows and positions move in one transaction, at most once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import psycopg
from eventsourcing.persistence import IntegrityError, PersistenceError
from eventsourcing.postgres import PostgresTrackingRecorder
from psycopg import Cursor
from psycopg.errors import ProgramLimitExceeded
from psycopg.rows import tuple_row

from ledger.message import Recorded
from ledger.store import APPLICATION, Role, conninfo
from ledger.store.recorder import open_datastore
from projections.engine.projection import CannotProject, Projection

_SEED = """
    INSERT INTO positions (application_name, notification_id)
    SELECT name, 0
    FROM unnest(%s::text[]) AS wanted (name)
    ON CONFLICT (application_name) DO NOTHING
"""
_POSITIONS = """
    SELECT application_name, notification_id
    FROM positions
    WHERE application_name = ANY(%s)
"""
# Locked by name first, so that two runners with overlapping projections cannot wait for each other.
_COMPARE_AND_SET = """
    WITH held AS (
        SELECT application_name
        FROM positions
        WHERE application_name = ANY(%(names)s) AND notification_id = %(expected)s
        ORDER BY application_name
        FOR UPDATE
    )
    UPDATE positions AS p
    SET notification_id = %(reached)s
    FROM held
    WHERE p.application_name = held.application_name
"""
_NOTE_STOPPED = """
    INSERT INTO stopped_projections (name, position, reason)
    VALUES (%s, %s, %s)
    ON CONFLICT (name) DO UPDATE
    SET position = excluded.position, reason = excluded.reason, stopped_at = excluded.stopped_at
    WHERE (stopped_projections.position, stopped_projections.reason) <> (excluded.position, excluded.reason)
"""
_FORGET_STOPPED = """
    DELETE FROM stopped_projections AS s
    USING positions AS p
    WHERE p.application_name = s.name AND s.position <= p.notification_id
"""
_STOPPED = "SELECT name FROM stopped_projections"
_OF_ROWS = (psycopg.DataError, psycopg.IntegrityError, ProgramLimitExceeded)
"""What the database says of a row that it cannot hold; the last is of a text too long for its index."""


class Superseded(IntegrityError):
    """Another runner, or a rebuild, moved one of these projections."""


class Unwritable(Exception):
    """The rows of a projection cannot be written: one of the batch's facts cannot be shown."""

    def __init__(self, name: str, cause: str) -> None:
        super().__init__(f"projection {name}: {cause}")
        self.name = name


class ProjectionWriter(PostgresTrackingRecorder):
    """The table `positions` is eventsourcing's tracking table; `max_tracking_id` and `wait` work on it."""

    def __init__(self, url: str, *, schema: str = "liberation", role: Role | None = APPLICATION) -> None:
        datastore = open_datastore(conninfo(url, schema=schema, role=role, name="projections"))
        datastore.schema = schema  # the library qualifies its table's name
        super().__init__(datastore, tracking_table_name="positions")

    def seed(self, names: Sequence[str]) -> None:
        """Give projections that have no position the first one, 0."""
        with self.datastore.transaction(commit=True) as cursor:
            cursor.execute(_SEED, (list(names),))

    def positions(self, names: Sequence[str]) -> dict[str, int]:
        """Where those of `names` stand that were seeded."""
        with self.datastore.get_connection() as conn, conn.cursor(row_factory=tuple_row) as cursor:
            return dict(cursor.execute(_POSITIONS, (list(names),)).fetchall())

    def note_stopped(self, name: str, position: int, reason: str) -> None:
        """Tell the other processes that `name` cannot take the fact at `position`; the first time stays."""
        with self.datastore.transaction(commit=True) as cursor:
            cursor.execute(_NOTE_STOPPED, (name, position, reason))

    def forget_stopped(self) -> set[str]:
        """Take back what is said of projections that have gone on since. Answers which stand still."""
        with self.datastore.transaction(commit=True) as cursor:
            cursor.execute(_FORGET_STOPPED)
            return {row["name"] for row in cursor.execute(_STOPPED).fetchall()}

    def apply(self, projections: Sequence[Projection], batch: Sequence[Recorded], expected: int) -> None:
        """Fold `batch` into the tables of `projections`, which all stand at `expected`; they move behind it.

        All or nothing. Raises `Superseded` when one of them stands elsewhere, `CannotProject` or `Unwritable`
        for a fact that cannot be taken, eventsourcing's `PersistenceError` when the database fails.
        """
        with (
            self.datastore.get_connection() as conn,
            conn.transaction(),
            conn.cursor(binary=True, row_factory=tuple_row) as cursor,
        ):
            # The commit need not wait for the disk: after a crash rows and position are behind together,
            # and the facts, which did wait, are folded again.
            cursor.execute("SET LOCAL synchronous_commit = off")
            compare_and_set(
                cursor, [projection.NAME for projection in projections], expected, batch[-1].position
            )
            for projection in projections:
                _advance(projection, cursor, batch)

    def close(self) -> None:
        self.datastore.close()


def compare_and_set(cursor: Cursor[Any], names: Sequence[str], expected: int, reached: int) -> None:
    """Move the positions, and hold their rows until the transaction ends.

    Without the comparison two runners that read the same facts would both count them.
    """
    cursor.execute(
        _COMPARE_AND_SET, {"names": list(names), "expected": expected, "reached": reached}, prepare=True
    )
    if cursor.rowcount != len(names):
        raise Superseded(f"{', '.join(names)} no longer stand at position {expected}")


def _advance(projection: Projection, cursor: Cursor[Any], batch: Sequence[Recorded]) -> None:
    """Whatever its rows cannot be is a fault of this projection alone, whether the database says so or who
    encodes them for it: as one of all it would keep all where they are, for ever.
    """
    try:
        projection.load(cursor, batch)
        projection.project_batch(batch)
        projection.write(cursor)
    except (CannotProject, PersistenceError):
        raise
    except _OF_ROWS as error:
        raise Unwritable(projection.NAME, str(error).strip()) from error
    except psycopg.Error:
        raise  # the database's own, and over when it is
    except Exception as error:
        raise Unwritable(projection.NAME, f"{type(error).__name__}: {error}") from error
