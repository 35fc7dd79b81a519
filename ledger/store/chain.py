"""The hash chain: every field of every event, in order. The schema's `append` computes the same."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from copy import copy
from itertools import islice
from typing import Any

import msgspec
import psycopg
from psycopg import Connection, errors
from psycopg.rows import tuple_row

from ledger.errors import ChainBroken

_FIXED = struct.Struct(">q8sqii")
"""The columns of one size, and the length of the first that has none."""
_LENGTH = struct.Struct(">i")
_SMALLEST = -(2**63)
_CHUNK = 5_000
_sha256 = hashlib.sha256

_SELECT_HEAD = "SELECT ledger_id::text, position, hash FROM head WHERE only_row"
SELECT_LINKS = """
    SELECT position, timestamptz_send(recorded_at), version, command_index,
        textsend(stream), textsend(type), textsend(command_id), data, metadata, hash
    FROM events
    ORDER BY position
"""
SELECT_LINKS_FROM = SELECT_LINKS.replace("ORDER BY", "WHERE position >= %s ORDER BY")
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
    position, recorded_at, version, index, stream, type_, command_id, data, metadata, _ = row
    pack = _LENGTH.pack
    leaf = b"".join(
        (
            _FIXED.pack(position, recorded_at, version, index, len(stream)), stream,
            pack(len(type_)), type_, pack(len(command_id)), command_id,
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


class Walk:
    """How far the chain was recomputed, from the first event on."""

    def __init__(self, ledger_id: str) -> None:
        self.position = 0
        self.hash = genesis(ledger_id)

    def steps(self, rows: Iterable[Link]) -> None:
        """Raises `ChainBroken` unless each of `rows` is what was appended after the one before it."""
        position, computed = self.position, self.hash
        for row in rows:
            position += 1
            if row[0] != position:
                raise ChainBroken(position, f"position {position} is missing: the next row says {row[0]}")
            computed = link(computed, row)
            if computed != row[9]:
                raise ChainBroken(position, f"position {position} is not what was appended there")
        self.position, self.hash = position, computed

    def copy(self) -> Walk:
        return copy(self)


def verify(conn: Connection[Any], on_progress: Progress = lambda *_: None) -> Head:
    """Recomputes the chain from the first event to the head, and returns the head.

    Reads one consistent snapshot, so writers may go on. Raises `ChainBroken`, which names the first
    position that is not what was appended. `on_progress(done, total)` is called now and then.
    """
    with snapshot(conn):
        return recompute(conn, read_head(conn), on_progress)


@contextmanager
def snapshot(conn: Connection[Any]) -> Iterator[None]:
    """Within, head and events are of one moment."""
    with conn.transaction():
        conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        yield


def recompute(conn: Connection[Any], head: Head, on_progress: Progress = lambda *_: None) -> Head:
    """`verify` within the caller's transaction."""
    return finish(conn, head, Walk(head.ledger_id), on_progress)


def finish(conn: Connection[Any], head: Head, walk: Walk, on_progress: Progress = lambda *_: None) -> Head:
    """What `walk` has yet to see, up to `head`, within the caller's transaction."""
    with legible(), conn.cursor("verify", row_factory=tuple_row, binary=True) as cursor:
        cursor.itersize = _CHUNK
        return follow(head, iter(cursor.execute(SELECT_LINKS_FROM, (first_row(walk),))), on_progress, walk)


def first_row(walk: Walk) -> int:
    """Where the rows that `walk` has yet to see begin; rows below the first position are of them."""
    return walk.position + 1 if walk.position else _SMALLEST


@contextmanager
def legible() -> Iterator[None]:
    """A table that the server cannot read is `ChainBroken`, too."""
    try:
        yield
    except (errors.DataCorrupted, errors.IndexCorrupted, psycopg.DataError) as error:
        raise ChainBroken(0, f"the table cannot be read to its end: {error}") from error


def follow(
    head: Head, rows: Iterator[Link], on_progress: Progress = lambda *_: None, walk: Walk | None = None
) -> Head:
    """The chain of `rows`, in order, must go on from `walk`, or from the genesis, and end at the head."""
    walk = walk or Walk(head.ledger_id)
    while chunk := list(islice(rows, _CHUNK)):
        walk.steps(chunk)
        if len(chunk) == _CHUNK:
            on_progress(walk.position, head.position)
    on_progress(walk.position, head.position)
    _check_end(head, walk.position, walk.hash)
    return head


def _check_end(head: Head, position: int, computed: bytes) -> None:
    if head.position != position:
        raise ChainBroken(
            min(head.position, position) + 1,
            f"the head says {head.position} events, the table holds {position}: the tail was cut or added to",
        )
    if head.hash != computed:
        raise ChainBroken(position, f"the head's hash is not that of position {position}")
