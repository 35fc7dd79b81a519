"""Reads of the projections: point reads merged on one connection, lists from a small pool.

A row comes back as the struct that the projection wrote it from, so a column cannot mean two things.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, LiteralString, TypeVar

from psycopg.sql import SQL, Composed, Identifier

from ledger.store.batched_queries import Connection
from projections.engine.tables import Row, Table

R = TypeVar("R", bound=Row)
Arguments = Sequence[Any] | Mapping[str, Any]

BY_ID = "SELECT {columns} FROM {table} WHERE {by} = ANY(%s) ORDER BY position"
SNAPSHOT = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
"""Several queries that see one moment."""


def select(template: LiteralString, table: Table[Any], **names: str) -> Composed:
    """`template` with {table}, {columns} of it, and further names as quoted identifiers."""
    return table.compose(template, **{key: SQL("{}").format(Identifier(name)) for key, name in names.items()})


async def rows(connection: Connection, query: Composed, table: Table[R], arguments: Arguments) -> list[R]:
    return rows_of(table, await (await connection.execute(query, arguments)).fetchall())


def rows_of(table: Table[R], found: Iterable[tuple[Any, ...]]) -> list[R]:
    columns = table.columns
    return [table.row(**dict(zip(columns, values, strict=True))) for values in found]


def grouped(of: Iterable[R], column: str) -> defaultdict[str, list[R]]:
    groups: defaultdict[str, list[R]] = defaultdict(list)
    for row in of:
        groups[getattr(row, column)].append(row)
    return groups
