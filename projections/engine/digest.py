"""What a table holds, as one number: to tell whether two tables hold the same."""

from __future__ import annotations

import hashlib
from typing import Any

from psycopg import Cursor

from projections.engine.tables import Table

_ROWS = "COPY (SELECT {columns} FROM {table} ORDER BY {key}) TO STDOUT (FORMAT BINARY)"


def digest(cursor: Cursor[Any], table: Table[Any]) -> str:
    """Hex SHA-256 of all rows, in the order of the primary key, as COPY writes them.

    The binary form knows no session's time zone or date style, and nothing is held in memory. Every column
    of a key is a number or text in collation "C", so the order is the same on every server.
    """
    seen = hashlib.sha256()
    with cursor.copy(table.compose(_ROWS)) as copy:
        for data in copy:
            seen.update(data)
    return seen.hexdigest()


def digests(cursor: Cursor[Any], tables: tuple[Table[Any], ...]) -> dict[str, str]:
    """Each table's digest, by its name."""
    return {table.name: digest(cursor, table) for table in tables}
