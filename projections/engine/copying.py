"""Rows to the server by binary COPY."""

from __future__ import annotations

import functools
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from psycopg import Cursor, postgres
from psycopg.adapt import Dumper
from psycopg.pq import Format
from psycopg.sql import Composed

from projections.engine.tables import Table

_COPY = "COPY {table} ({columns}) FROM STDIN (FORMAT BINARY)"


class _TextArray(Dumper):
    """Remembers what it dumped: there are few sets of roles, and psycopg takes 5 µs for each array."""

    format = Format.BINARY
    oid = postgres.types["text"].array_oid

    def dump(self, obj: Sequence[str]) -> bytes:
        return _dump_text_array(tuple(obj))


@functools.lru_cache(maxsize=1024)
def _dump_text_array(texts: tuple[str, ...]) -> bytes:
    """As array_recv of PostgreSQL reads it: dimensions, no nulls, type; length and lower bound; elements."""
    if not texts:
        return struct.pack("!iii", 0, 0, postgres.types["text"].oid)
    head = struct.pack("!iiiii", 1, 0, postgres.types["text"].oid, len(texts), 1)
    return head + b"".join(struct.pack("!i", len(raw)) + raw for raw in map(str.encode, texts))


@contextmanager
def copying(cursor: Cursor[Any], table: Table[Any]) -> Iterator[Callable[[Sequence[Any]], None]]:
    """Gives a function that adds one row, by binary COPY: types are those of the columns, nothing is cast."""
    cursor.adapters.register_dumper(_TextArray, _TextArray)  # found by its oid; lists elsewhere stay lists
    with cursor.copy(_copy(table)) as copy:
        copy.set_types(table.pg_types)
        yield copy.write_row


def copy_all(cursor: Cursor[Any], table: Table[Any], rows: Iterable[Sequence[Any]]) -> None:
    with copying(cursor, table) as write_row:
        for row in rows:
            write_row(row)


@functools.cache
def _copy(table: Table[Any]) -> Composed:
    return table.compose(_COPY)
