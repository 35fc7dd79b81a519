"""Tables as a projection sees them: rows in memory, changed there, then written a whole batch at once.

A sheet is written in one of two ways. `write` merges what changed since the last time into the live
table. `copy` fills a table that has none of it yet, by COPY, as a rebuild does.

Rows travel to the server as JSON and are spread by `json_populate_recordset` (7.6 µs a row of twelve
columns, against 19 µs for arrays dumped by psycopg into `unnest`), appended ones by binary COPY (2 µs).
"""

from __future__ import annotations

import functools
import struct
import types
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from typing import (
    Any,
    Generic,
    Literal,
    LiteralString,
    Protocol,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

import msgspec
from psycopg import Cursor, postgres
from psycopg.adapt import Dumper
from psycopg.pq import Format
from psycopg.sql import SQL, Composed, Identifier

_PG_TYPES: dict[Any, str] = {
    str: "text",
    int: "int8",
    bool: "bool",
    datetime: "timestamptz",
    date: "date",
    tuple[str, ...]: "text[]",
}


class Row(msgspec.Struct, gc=False):
    """One row; its fields are the table's columns, in the table's order. Changed only by its fold."""


R = TypeVar("R", bound=Row)


class Table(msgspec.Struct, Generic[R], frozen=True):
    """A table's name, the shape of its rows and its primary key."""

    name: str
    row: type[R]
    key: tuple[str, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        return self.row.__struct_fields__

    @property
    def pg_types(self) -> list[str]:
        """Of the columns, as COPY in binary form needs them."""
        hints = get_type_hints(self.row)
        return [_PG_TYPES[_required(hints[column])] for column in self.columns]

    def compose(self, template: LiteralString, **more: Composed) -> Composed:
        """`template` with {table}, {columns} and {key} as quoted identifiers."""
        return SQL(template).format(
            table=Identifier(self.name), columns=_names(self.columns), key=_names(self.key), **more
        )


def _required(hint: Any) -> Any:
    """`datetime` from `datetime | None`, and `str` from a `Literal` of texts."""
    if get_origin(hint) in (Union, types.UnionType):
        hint = next(kind for kind in get_args(hint) if kind is not type(None))
    return str if get_origin(hint) is Literal else hint


def _names(columns: Iterable[str]) -> Composed:
    return SQL(", ").join(map(Identifier, columns))


class Sheet(Protocol):
    """A table's rows in memory."""

    @property
    def table(self) -> Table[Any]: ...

    def write(self, cursor: Cursor[Any]) -> None:
        """Merge what changed since the last `write` or `copy`."""

    def copy(self, cursor: Cursor[Any]) -> None:
        """The same into a table that holds none of these rows yet."""


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


def _copy_all(cursor: Cursor[Any], table: Table[Any], rows: Iterable[Sequence[Any]]) -> None:
    with copying(cursor, table) as write_row:
        for row in rows:
            write_row(row)


_LOAD = "SELECT {columns} FROM {table} WHERE {by} = ANY(%s)"
_UPSERT = """
    INSERT INTO {table}
    SELECT *
    FROM json_populate_recordset(NULL::{table}, %s)
    ON CONFLICT ({key}) DO UPDATE SET {changes}
"""
_DELETE = "DELETE FROM {table} WHERE {key} = ANY(%s)"
_encode = msgspec.json.Encoder().encode


class Rows(Generic[R]):
    """Rows that change, by their key: loaded, folded over, written back whole."""

    def __init__(self, table: Table[R]) -> None:
        assert len(table.key) == 1, f"{table.name} has more than one column in its key"
        self.table = table
        self._by_key: dict[str, R] = {}
        self._changed: dict[str, R | None] = {}

    def load(self, cursor: Cursor[Any], keys: Collection[str], *, by: str | None = None) -> list[R]:
        """Fetch the rows whose column `by` (the key unless told) is one of `keys`, and remember them."""
        if not keys:
            return []
        cursor.execute(_load(self.table, by or self.table.key[0]), (list(keys),))
        rows = [self.table.row(*values) for values in cursor.fetchall()]
        for row in rows:
            self._by_key[getattr(row, self.table.key[0])] = row
        return rows

    def change(self, key: str) -> R:
        """The row of that key, to be changed in place. Raises `LookupError` when there is none."""
        row = self._by_key.get(key)
        if row is None:
            raise LookupError(f"{self.table.name} has no row {key}, which an earlier event should have made")
        self._changed[key] = row
        return row

    def find(self, key: str) -> R | None:
        return self._by_key.get(key)

    def put(self, key: str, row: R) -> None:
        self._by_key[key] = self._changed[key] = row

    def remove(self, key: str) -> None:
        self._by_key.pop(key, None)
        self._changed[key] = None

    def write(self, cursor: Cursor[Any]) -> None:
        changed, self._changed = self._changed, {}
        kept = [row for row in changed.values() if row is not None]
        if kept:
            cursor.execute(_upsert(self.table), (_encode(kept).decode(),))
        if len(kept) < len(changed):
            gone = [key for key, row in changed.items() if row is None]
            cursor.execute(_delete(self.table), (gone,))

    def copy(self, cursor: Cursor[Any]) -> None:
        self._changed = {}
        _copy_all(cursor, self.table, map(msgspec.structs.astuple, self._by_key.values()))


class Log(Generic[R]):
    """Rows that are only ever added, as tuples in the order of the table's columns."""

    def __init__(self, table: Table[R]) -> None:
        self.table = table
        self._rows: list[tuple[Any, ...]] = []
        self.add: Callable[[tuple[Any, ...]], None] = self._rows.append

    def drain(self) -> list[tuple[Any, ...]]:
        """What was added since the last time."""
        rows = self._rows[:]
        self._rows.clear()
        return rows

    def write(self, cursor: Cursor[Any]) -> None:
        """A row that is there already is an error: the position on which batches depend would be wrong."""
        if self._rows:
            _copy_all(cursor, self.table, self.drain())

    copy = write


_ADD = """
    INSERT INTO {table} AS t
    SELECT *
    FROM json_populate_recordset(NULL::{table}, %s)
    ON CONFLICT ({key}) DO UPDATE SET {additions}
"""


class Sums:
    """Sums of whole numbers by key. Nothing is loaded: what a batch adds is added on the server."""

    def __init__(self, table: Table[Any]) -> None:
        self.table = table
        self._width = len(table.columns) - len(table.key)
        self._sums: dict[tuple[str, ...], list[int]] = {}

    def of(self, key: tuple[str, ...]) -> list[int]:
        """The columns after the key, in their order, to be added to in place."""
        sums = self._sums.get(key)
        if sums is None:
            sums = self._sums[key] = [0] * self._width
        return sums

    def write(self, cursor: Cursor[Any]) -> None:
        if self._sums:
            columns = self.table.columns
            rows = [dict(zip(columns, (*key, *sums), strict=True)) for key, sums in self._sums.items()]
            cursor.execute(_addition(self.table), (_encode(rows).decode(),))
            self._sums.clear()

    def copy(self, cursor: Cursor[Any]) -> None:
        _copy_all(cursor, self.table, ((*key, *sums) for key, sums in self._sums.items()))
        self._sums.clear()


@functools.cache
def _load(table: Table[Any], by: str) -> Composed:
    return table.compose(_LOAD, by=SQL("{}").format(Identifier(by)))


@functools.cache
def _upsert(table: Table[Any]) -> Composed:
    return table.compose(_UPSERT, changes=_assignments(table, "{0} = excluded.{0}"))


@functools.cache
def _delete(table: Table[Any]) -> Composed:
    return table.compose(_DELETE)


@functools.cache
def _addition(table: Table[Any]) -> Composed:
    return table.compose(_ADD, additions=_assignments(table, "{0} = t.{0} + excluded.{0}"))


def _assignments(table: Table[Any], template: LiteralString) -> Composed:
    others = (column for column in table.columns if column not in table.key)
    return SQL(", ").join(SQL(template).format(Identifier(column)) for column in others)


@functools.cache
def _copy(table: Table[Any]) -> Composed:
    return table.compose(_COPY)
