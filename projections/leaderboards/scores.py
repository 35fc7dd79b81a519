"""The row of a user's score in one window, and the rows of all windows in memory."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any

import msgspec
from psycopg import Cursor

from projections.engine.buffers import upsert
from projections.engine.copying import copy_all
from projections.engine.tables import Row, Table


class ScoreRow(Row):
    board: str
    """The window's name, such as `2026-W48`."""
    user_id: str
    score: int
    """As published: of what was recorded before the window was; while it runs, all."""
    reached_at: datetime
    """When that score was."""
    score_now: int
    """With what was recorded since."""
    hidden: bool
    """The user wants to be on no board."""


SCORES = Table("leaderboard_scores", ScoreRow, ("user_id", "board"))


def counted(row: ScoreRow) -> int:
    """The score by which others are ranked; 0 for who is not on the board."""
    return 0 if row.hidden else max(row.score, 0)


_LOAD = "SELECT {columns} FROM {table} WHERE user_id = ANY(%s) AND board = ANY(%s)"
_LOAD_ALL = "SELECT {columns} FROM {table} WHERE user_id = ANY(%s)"


class Scores:
    """A `TableBuffer` by user and board. It knows what each changed row counted for before."""

    table = SCORES

    def __init__(self) -> None:
        self._of_users: defaultdict[str, dict[str, ScoreRow]] = defaultdict(dict)
        """By board. A user's together, also in the table, so that an award changes few pages of it."""
        self._before: dict[tuple[str, str], int] = {}
        """By user and board."""
        self.compares = False
        """Whether `changing` is to be called: not while a rebuild fills the tables, as none are counted."""

    def load(self, cursor: Cursor[Any], users: Collection[str], boards: Collection[str]) -> None:
        self._remember(cursor, _LOAD, list(users), list(boards))

    def load_all(self, cursor: Cursor[Any], users: Collection[str]) -> None:
        """Of all boards there ever were."""
        self._remember(cursor, _LOAD_ALL, list(users))

    def _remember(self, cursor: Cursor[Any], query: Any, *of: list[str]) -> None:
        self.compares = True
        if of[0]:
            cursor.execute(self.table.compose(query), of)
            for values in cursor.fetchall():
                row = ScoreRow(*values)
                self._of_users[row.user_id][row.board] = row

    def of(self, user_id: str) -> dict[str, ScoreRow]:
        """By board, to be added to."""
        return self._of_users[user_id]

    def changing(self, row: ScoreRow) -> None:
        """To be called before a row is changed, and before a new one is."""
        self._before.setdefault((row.user_id, row.board), counted(row))

    def moves(self) -> Iterator[tuple[str, int, int]]:
        """On which board somebody came from what score to what, since the last `write` or `copy`."""
        for (user_id, board), before in self._before.items():
            yield board, before, counted(self._of_users[user_id][board])

    def __iter__(self) -> Iterator[ScoreRow]:
        for rows in self._of_users.values():
            yield from rows.values()

    def write(self, cursor: Cursor[Any]) -> None:
        changed, self._before = sorted(self._before), {}  # as their index is, so that its pages come in order
        upsert(cursor, self.table, [self._of_users[user_id][board] for user_id, board in changed])

    def copy(self, cursor: Cursor[Any]) -> None:
        self._before, self.compares = {}, True
        copy_all(cursor, self.table, map(msgspec.structs.astuple, self))
