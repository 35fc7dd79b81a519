"""Stretches in memory, found by where they lie on their strip."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import defaultdict
from collections.abc import Iterable, Iterator
from operator import attrgetter
from typing import Any, NamedTuple

from psycopg import Cursor

from projections.breakage.tables import TOKEN_STRETCHES, TokenStretchRow
from projections.engine.buffers import Rows


class Span(NamedTuple):
    """From `begins` up to before `end`, of a strip."""

    strip: str
    begins: int
    end: int


_begins = attrgetter("begins")
_OVERLAPPING = """
    SELECT DISTINCT {columns}
    FROM {table}
    JOIN unnest(%s::text[], %s::bigint[], %s::bigint[]) AS span (strip, since, until) USING (strip)
    WHERE begins < until AND begins + amount > since
"""


class Stretches(Rows[TokenStretchRow]):
    """No two of a strip overlap, and the ones that are begun later lie behind."""

    def __init__(self) -> None:
        super().__init__(TOKEN_STRETCHES)
        self._on: defaultdict[str, list[TokenStretchRow]] = defaultdict(list)

    def load_with(self, cursor: Cursor[Any], lot_ids: set[str], spans: Iterable[Span]) -> None:
        """Those of the lots, and what lies on any of the spans. Only they: a strip that never expires has all
        lots there ever were.
        """
        for row in self.load(cursor, lot_ids):
            self._place(row)
        if columns := list(zip(*spans, strict=True)):
            cursor.execute(TOKEN_STRETCHES.compose(_OVERLAPPING), tuple(map(list, columns)))
            for values in cursor.fetchall():
                row = TokenStretchRow(*values)
                if self.find(row.stretch_id) is None:
                    self._by_key[row.stretch_id] = row
                    self._place(row)

    def add(self, row: TokenStretchRow) -> None:
        self.put(row.stretch_id, row)
        self._place(row)

    def across(self, span: Span) -> Iterator[tuple[TokenStretchRow, int]]:
        """Those that lie on it, in their order, with how much of each does."""
        on = self._on[span.strip]
        for row in on[max(bisect_right(on, span.begins, key=_begins) - 1, 0) :]:
            if row.begins >= span.end:
                return
            shared = min(row.begins + row.amount, span.end) - max(row.begins, span.begins)
            if shared > 0:
                yield row, shared

    def on(self, strip: str) -> list[TokenStretchRow]:
        return self._on[strip]

    def _place(self, row: TokenStretchRow) -> None:
        insort(self._on[row.strip], row, key=_begins)
