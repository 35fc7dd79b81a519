"""Numbers of documents, without a gap: what tax offices ask of receipts and credit notes."""

from __future__ import annotations

from typing import Any

from psycopg import Cursor
from psycopg.sql import SQL, Composed, Identifier

from projections.engine.tables import Table

_HIGHEST = "SELECT coalesce(max({column}), 0) FROM {table}"


class Numbering:
    """1, 2, 3 … in the order of the facts, so that a rebuild gives every document its number again.

    Batches are folded one after the other, each behind the position of the one before, and rolled back
    whole: no two give out the same number, and none is lost.
    """

    def __init__(self, table: Table[Any], column: str) -> None:
        self._table, self._column = table, column
        self._last = 0

    def load(self, cursor: Cursor[Any]) -> None:
        """Go on from the highest number that the table holds."""
        row = cursor.execute(self._highest()).fetchone()
        self._last = row[0] if row else 0

    def next(self) -> int:
        self._last += 1
        return self._last

    def _highest(self) -> Composed:
        return self._table.compose(_HIGHEST, column=SQL("{}").format(Identifier(self._column)))
