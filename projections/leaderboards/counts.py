"""How many users have which score, as a tree: so that a rank is a few sums, however many users there are.

On level 0 a node is a score, on each further level 64 nodes of the one below. Whoever has more than a score
is in a node above it on some level, under the same parent. The highest level has as many nodes as the
highest score needs, so no score is too high.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, LiteralString

import msgspec
from psycopg import Cursor

from projections.engine.copying import copy_all
from projections.engine.tables import Row, Table
from projections.leaderboards.scores import Scores, counted

BITS, LEVELS = 6, 4
"""16,777,216 scores lie below 64 nodes of the highest level."""
_MOST = 2**62


class CountRow(Row):
    board: str
    level: int
    node: int
    users: int
    """Whom others see; a node without any has no row."""


COUNTS = Table("leaderboard_counts", CountRow, ("board", "level", "node"))


_USERS = """(
    SELECT coalesce(sum(users), 0)::bigint
    FROM leaderboard_counts
    WHERE board = %(board)s AND level = {level} AND node BETWEEN {low} AND {high}
)"""


def higher_than(score: LiteralString) -> str:
    """SQL for how many have more than `score`, which is SQL for a bigint, on the board `%(board)s`."""
    return " + ".join(_siblings_above(score, level) for level in range(LEVELS))


def _siblings_above(score: LiteralString, level: int) -> str:
    low, high = f"({score} >> {BITS * level}) + 1", str(_MOST)
    if level < LEVELS - 1:
        high = f"((({score} >> {BITS * (level + 1)}) + 1) << {BITS}) - 1"
    return _USERS.format(level=level, low=low, high=high)


_ADD = """
    INSERT INTO {table} AS t
    SELECT *
    FROM json_populate_recordset(NULL::{table}, %s)
    ON CONFLICT ({key}) DO UPDATE SET users = t.users + excluded.users
"""
_DROP_EMPTY = """
    DELETE FROM {table} AS t
    USING json_populate_recordset(NULL::{table}, %s) AS left_by
    WHERE (t.board, t.level, t.node) = (left_by.board, left_by.level, left_by.node) AND t.users = 0
"""


class Counts:
    """A `TableBuffer` that follows from the rows of `scores`; it is written before they are."""

    table = COUNTS

    def __init__(self, scores: Scores) -> None:
        self._scores = scores

    def write(self, cursor: Cursor[Any]) -> None:
        changes: Counter[tuple[str, int]] = Counter()
        for board, before, after in self._scores.moves():
            changes[board, before] -= 1
            changes[board, after] += 1
        rows = [row for row in nodes(changes) if row.users]
        if rows:
            cursor.execute(self.table.compose(_ADD), (_encode(rows).decode(),))
        if left := [row for row in rows if row.users < 0]:
            cursor.execute(self.table.compose(_DROP_EMPTY), (_encode(left).decode(),))

    def copy(self, cursor: Cursor[Any]) -> None:
        users = Counter((row.board, counted(row)) for row in self._scores)
        copy_all(cursor, self.table, map(msgspec.structs.astuple, nodes(users)))


def nodes(users: Mapping[tuple[str, int], int]) -> Iterable[CountRow]:
    """On every level, of users by board and score; who has none is not counted."""
    counts: Counter[tuple[str, int, int]] = Counter()
    for (board, score), many in users.items():
        if score:
            for level in range(LEVELS):
                counts[board, level, score >> BITS * level] += many
    return (CountRow(*node, many) for node, many in counts.items())


_encode = msgspec.json.Encoder().encode
