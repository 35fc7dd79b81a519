"""The hash chain: every field of every event, in order. The schema's `append` computes the same."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import psycopg
from psycopg import Connection, errors
from psycopg.rows import tuple_row

from ledger.errors import ChainBroken

_FIXED = struct.Struct(">q8sqi")
_LENGTH = struct.Struct(">i")
_sha256 = hashlib.sha256

_SELECT_HEAD = "SELECT ledger_id::text, position, hash FROM head WHERE only_row"
SELECT_LINKS = """
    SELECT position, timestamptz_send(recorded_at), version, command_index,
        textsend(stream), textsend(type), textsend(command_id), data, metadata, hash
    FROM events
    ORDER BY position
"""
_SELECT_HASH = "SELECT hash FROM events WHERE position = %s"

Link = tuple[int, bytes, int, int, bytes, bytes, bytes, bytes, bytes, bytes]
"""The columns of `SELECT_LINKS`. Texts come as bytes: a damaged one may be no UTF-8 any more."""


Progress = Callable[[int, int], None]


class Head(msgspec.Struct, frozen=True):
    """Where a ledger's history ends."""

    ledger_id: str
    position: int
    hash: bytes


def genesis(ledger_id: str) -> bytes:
    """What the first event is chained to."""
    return _sha256(f"liberation:{ledger_id}".encode()).digest()


def link(previous: bytes, row: Link) -> bytes:
    """The hash of an event, from the previous hash and all of its fields."""
    fixed = _FIXED.pack(row[0], row[1], row[2], row[3])
    stream, type_, command_id, data, metadata = row[4:9]
    pack = _LENGTH.pack
    leaf = b"".join(
        (
            fixed,
            pack(len(stream)), stream, pack(len(type_)), type_, pack(len(command_id)), command_id,
            pack(len(data)), data, pack(len(metadata)), metadata,
        )
    )  # fmt: skip
    return _sha256(previous + _sha256(leaf).digest()).digest()


def read_head(conn: Connection[Any]) -> Head:
    """Raises `ChainBroken` when the ledger's only head row is gone."""
    with conn.cursor(row_factory=tuple_row) as cursor:
        row = cursor.execute(_SELECT_HEAD).fetchone()
    if row is None:
        raise ChainBroken(0, "the ledger has no head row: it was removed by hand")
    return Head(row[0], row[1], bytes(row[2]))


def hash_at(conn: Connection[Any], position: int) -> bytes | None:
    """The stored hash, not recomputed; None beyond the end."""
    with conn.cursor(row_factory=tuple_row) as cursor:
        row = cursor.execute(_SELECT_HASH, (position,)).fetchone()
    return None if row is None else bytes(row[0])


def verify(conn: Connection[Any], on_progress: Progress = lambda *_: None) -> Head:
    """Recomputes the chain from the first event to the head, and returns the head.

    Reads one consistent snapshot, so writers may go on. Raises `ChainBroken`, which names the first
    position that is not what was appended. `on_progress(done, total)` is called now and then.
    """
    with conn.transaction():
        conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        return recompute(conn, read_head(conn), on_progress)


def recompute(conn: Connection[Any], head: Head, on_progress: Progress = lambda *_: None) -> Head:
    """`verify` within the caller's transaction."""
    try:
        with conn.cursor("verify", row_factory=tuple_row, binary=True) as cursor:
            cursor.itersize = 5_000
            return follow(head, iter(cursor.execute(SELECT_LINKS)), on_progress)
    except (errors.DataCorrupted, errors.IndexCorrupted, psycopg.DataError) as error:
        raise ChainBroken(0, f"the table cannot be read to its end: {error}") from error


def follow(head: Head, rows: Iterator[Link], on_progress: Progress = lambda *_: None) -> Head:
    """The chain of `rows`, in order, must begin at the ledger's genesis and end at its head."""
    position, previous = 0, genesis(head.ledger_id)
    for row in rows:
        position += 1
        if row[0] != position:
            raise ChainBroken(position, f"position {position} is missing: the next row says {row[0]}")
        previous = link(previous, row)
        if previous != row[9]:
            raise ChainBroken(position, f"position {position} is not what was appended there")
        if position % 5_000 == 0:
            on_progress(position, head.position)
    on_progress(position, head.position)
    _check_end(head, position, previous)
    return head


def _check_end(head: Head, position: int, computed: bytes) -> None:
    if head.position != position:
        raise ChainBroken(
            min(head.position, position) + 1,
            f"the head says {head.position} events, the table holds {position}: the tail was cut or added to",
        )
    if head.hash != computed:
        raise ChainBroken(position, f"the head's hash is not that of position {position}")
