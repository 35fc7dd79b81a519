"""Scores by window, how many users have which, and who wants to be seen."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any, ClassVar

from psycopg import Cursor

from ledger.message import Event, Recorded
from ledger.visibility.events import VisibilityChanged
from ledger.visibility.state import HIDDEN
from ledger.windows import ALL_TIME, Window, windows_on
from projections.engine.buffers import Rows, TableBuffer
from projections.engine.projection import Projection
from projections.engine.tables import Row, Table
from projections.leaderboards.counts import Counts
from projections.leaderboards.scores import ScoreRow, Scores
from projections.leaderboards.scoring import SCORE_FACTS, ScoreFact, gained


class VisibilityRow(Row):
    user_id: str
    visibility: str


class FirstScoreRow(Row):
    board: str
    """`all`, which every score is on."""
    recorded_at: datetime


VISIBILITIES = Table("visibilities", VisibilityRow, ("user_id",))
FIRST_SCORES = Table("leaderboard_first_scores", FirstScoreRow, ("board",))

_Place = tuple[str, datetime | None]
"""A board, and when it is published; None for never."""


class Leaderboards(Projection):
    NAME: ClassVar[str] = "leaderboards"
    FACTS: ClassVar[frozenset[type[Event]] | None] = SCORE_FACTS | {VisibilityChanged}

    def __init__(self) -> None:
        self._visibilities = Rows(VISIBILITIES)
        self._first_scores = Rows(FIRST_SCORES)
        self._scores = Scores()
        self._counts = Counts(self._scores)
        self._places: dict[int, tuple[_Place, ...]] = {}
        """By the day's ordinal, which is quicker found than a date."""

    @property
    def buffers(self) -> tuple[TableBuffer, ...]:
        return self._visibilities, self._first_scores, self._counts, self._scores

    def load(self, cursor: Cursor[Any], batch: Sequence[Recorded]) -> None:
        earning: list[Any] = [one.event for one in batch if type(one.event) in SCORE_FACTS]
        earners = {event.user_id for event in earning}
        turning = {one.event.user_id for one in batch if isinstance(one.event, VisibilityChanged)}
        days = {event.awarded_at.astimezone(UTC).date() for event in earning}
        boards = {window.name for day in days for window in windows_on(day)}
        self._visibilities.load(cursor, earners | turning)
        self._first_scores.load(cursor, {ALL_TIME.name})
        self._scores.load(cursor, earners - turning, boards)
        self._scores.load_all(cursor, turning)

    def project(self, recorded: Recorded) -> None:
        event: Any = recorded.event
        if isinstance(event, VisibilityChanged):
            self._show(event)
        elif change := gained(event):
            self._score(recorded, event, change)

    def _score(self, recorded: Recorded, event: ScoreFact, change: int) -> None:
        user_id, at, recorded_at = event.user_id, recorded.metadata.effective_at, recorded.recorded_at
        rows, compares = self._scores.of(user_id), self._scores.compares
        for board, published_at in self._places_of(event.awarded_at, recorded_at):
            row = rows.get(board)
            if row is None:
                row = rows[board] = ScoreRow(board, user_id, 0, at, 0, self._is_hidden(user_id))
            if compares:
                self._scores.changing(row)
            row.score_now += change
            if published_at is None or recorded_at < published_at:
                row.score += change
                row.reached_at = at

    def _places_of(self, at: datetime, recorded_at: datetime) -> tuple[_Place, ...]:
        day = (at if at.tzinfo is UTC else at.astimezone(UTC)).toordinal()
        places = self._places.get(day)
        if places is None:
            first = self._first(recorded_at)
            places = self._places[day] = tuple(
                (window.name, _published_at(window, first)) for window in windows_on(date.fromordinal(day))
            )
        return places

    def _first(self, recorded_at: datetime) -> datetime:
        """When the first score was recorded, which is now if there was none."""
        row = self._first_scores.find(ALL_TIME.name)
        if row is None:
            row = FirstScoreRow(ALL_TIME.name, recorded_at)
            self._first_scores.put(row.board, row)
        return row.recorded_at

    def _is_hidden(self, user_id: str) -> bool:
        row = self._visibilities.find(user_id)
        return row is not None and row.visibility == HIDDEN

    def _show(self, event: VisibilityChanged) -> None:
        self._visibilities.put(event.user_id, VisibilityRow(event.user_id, event.visibility))
        hidden = event.visibility == HIDDEN
        for row in self._scores.of(event.user_id).values():
            if row.hidden != hidden:
                if self._scores.compares:
                    self._scores.changing(row)
                row.hidden = hidden


def _published_at(window: Window, first: datetime) -> datetime | None:
    """What was over before the first score was recorded was never seen by anybody: a history that is taken in
    later is ranked by what is known.
    """
    at = window.published_at
    return None if at is None or at <= first else at
