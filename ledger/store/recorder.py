"""The library's recorder on our table: what `EventStore` and a follower need, synchronously."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from eventsourcing.persistence import IntegrityError, Notification, StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import tuple_row
from psycopg.sql import SQL

from ledger.store.mapper import COLUMNS, Row, StoredFact

APPEND = """
    SELECT first_position, appended_at
    FROM append(
        %s::text[], %s::bigint[], %s::text[], %b::bytea[], %b::bytea[], %s::text[], %s::integer[]
    )
"""
_SELECT_BATCH = f"SELECT {COLUMNS} FROM events WHERE position > %s ORDER BY position LIMIT %s"  # noqa: S608  # COLUMNS is a constant
_SELECT_POSITION = "SELECT position FROM head"

NewRow = tuple[str, int, str, bytes, bytes, str, int]
"""stream, version, type, data, metadata, command_id, command_index."""

AppendArguments = tuple[list[str], str, list[str], list[bytes], list[bytes], list[str], str]


def append_arguments(rows: Sequence[NewRow]) -> AppendArguments:
    """One array a column. Numbers go as array literals, so that one prepared statement serves all sizes."""
    streams, versions, types, datas, metadatas, command_ids, indexes = zip(*rows, strict=True)
    return (
        list(streams),
        _array_literal(versions),
        list(types),
        list(datas),
        list(metadatas),
        list(command_ids),
        _array_literal(indexes),
    )


def _array_literal(numbers: Sequence[int]) -> str:
    return f"{{{','.join(map(str, numbers))}}}"


def open_datastore(conninfo: str, *, pool_size: int = 1) -> PostgresDatastore:
    """The library's datastore for any libpq connection string; it only asks for five of its words."""
    datastore = PostgresDatastore(
        dbname="",
        host="",
        port="",
        user="",
        password="",
        pool_size=pool_size,
        max_overflow=2,
        pre_ping=True,
        originator_id_type="text",
    )
    # Seconds after which a pool gives up on a lost server and tries anew with the next borrower; left to
    # itself it waits ever longer, and finds a server that came back only much later.
    datastore.pool.timeout, datastore.pool.reconnect_timeout = 2.0, 1.0
    pool_arguments = datastore.pool.kwargs
    assert isinstance(pool_arguments, dict)
    row_factory = pool_arguments["row_factory"]
    pool_arguments.clear()
    pool_arguments.update(conninfo_to_dict(conninfo), row_factory=row_factory)
    return datastore


class LedgerRecorder(PostgresApplicationRecorder):
    """Order from the head row: no table lock, no sequence, no advisory lock and no NOTIFY in a commit.

    The table is made by a numbered migration, and `append` in it chooses positions, times and hashes.
    """

    def __init__(self, datastore: PostgresDatastore) -> None:
        super().__init__(datastore, events_table_name="events")
        datastore.db_type_names.discard(self.stored_event_type_name)  # seven plain arrays instead
        self.sql_create_statements = []

    def insert_events(self, stored_events: Sequence[StoredEvent], **_: Any) -> Sequence[int]:
        """All in one transaction. Raises the library's `IntegrityError` on a version or command conflict.

        Not retried when the connection fails: the caller sends the same command ids again.
        """
        if not stored_events:
            return []
        rows = [_new_row(event) for event in stored_events]
        with self.datastore.get_connection() as conn, conn.cursor(row_factory=tuple_row) as cursor:
            appended = cursor.execute(APPEND, append_arguments(rows), prepare=True).fetchone()
        assert appended is not None
        first = int(appended[0])
        return range(first, first + len(rows))

    def select_events(
        self,
        originator_id: Any,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        order = SQL("DESC") if desc else SQL("ASC")
        query = SQL(
            "SELECT {columns} FROM events"
            " WHERE stream = %s AND version > %s AND version <= %s ORDER BY version {order} LIMIT %s"
        ).format(columns=SQL(COLUMNS), order=order)
        bounds = (originator_id, gt or 0, 2**62 if lte is None else lte, limit)
        with (
            self.datastore.get_connection() as conn,
            conn.cursor(row_factory=tuple_row, binary=True) as cursor,
        ):
            rows: list[Row] = cursor.execute(query, bounds, prepare=True).fetchall()
        return [_stored_fact(row) for row in rows]

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        after = (start or 0) - (1 if start and inclusive_of_start else 0)
        return [
            Notification(row[1], row[2], row[3], row[4], id=row[0])
            for row in self.select_batch(after, limit)
            if (stop is None or row[0] <= stop) and (not topics or row[3] in topics)
        ]

    def select_batch(self, after: int, limit: int) -> list[Row]:
        """What follows position `after`, in order, nothing skipped."""
        with (
            self.datastore.get_connection() as conn,
            conn.cursor(row_factory=tuple_row, binary=True) as cursor,
        ):
            return cursor.execute(_SELECT_BATCH.encode(), (after, limit), prepare=True).fetchall()

    def max_notification_id(self) -> int | None:
        with self.datastore.get_connection() as conn, conn.cursor(row_factory=tuple_row) as cursor:
            row = cursor.execute(_SELECT_POSITION).fetchone()
        return None if row is None or row[0] == 0 else int(row[0])


def _new_row(event: StoredEvent) -> NewRow:
    if not isinstance(event, StoredFact):
        raise IntegrityError("only facts from the ledger's own mapper can be stored: they carry a command id")
    return (
        str(event.originator_id),
        event.originator_version,
        event.topic,
        event.state,
        event.metadata,
        event.command_id,
        event.command_index,
    )


def _stored_fact(row: Row) -> StoredFact:
    position, stream, version, type_, data, metadata, recorded_at, command_id = row
    return StoredFact(stream, version, type_, data, metadata, command_id, 0, position, recorded_at)
