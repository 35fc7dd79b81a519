"""Boards as answers show them."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from api.leaderboards.places import Place
from ledger.windows import Window, WindowKind

Phase = Literal["future", "running", "settling", "published"]


class Board(msgspec.Struct, frozen=True, kw_only=True):
    """A window of time. Ten minutes after its end it is published, and its ranks and scores stay as they were
    then.
    """

    window: WindowKind
    name: str
    """`2026-11-29`, `2026-W48`, `2026-11` or `all`."""
    starts_at: datetime | None
    ends_at: datetime | None
    """No part of it. Null, as its beginning, for all time."""
    phase: Phase
    """`future`: it has not begun. `settling`: it has ended and is not yet published."""


class Ranked(msgspec.Struct, frozen=True, kw_only=True):
    rank: int
    """One more than there are users with a higher score: 1, 2, 2, 4."""
    user_id: str
    name: str | None
    """Of who wants to be shown by name and has given one; else null."""
    score: int
    """Tokens earned in the window, as published."""
    score_now: int
    """With what became known since, such as a refund of the course."""
    reached_at: datetime
    """When the score was; of equal ones the earlier comes first."""


class OwnRank(msgspec.Struct, frozen=True, kw_only=True):
    """Of the caller, also where nobody else sees them."""

    rank: int
    score: int
    score_now: int
    reached_at: datetime
    visible: bool
    """False: the caller wants to be on no board, and is in no `items`, not even their own."""


class Leaderboard(msgspec.Struct, frozen=True, kw_only=True):
    """`own` is null while the caller has no score in the window."""

    board: Board
    items: list[Ranked]
    has_more: bool
    next_cursor: str | None
    own: OwnRank | None


def ranked(place: Place, rank: int) -> Ranked:
    return Ranked(
        rank=rank,
        user_id=place.user_id,
        name=place.name,
        score=place.score,
        score_now=place.score_now,
        reached_at=place.reached_at,
    )


def board_of(window: Window, now: datetime) -> Board:
    return Board(
        window=window.kind,
        name=window.name,
        starts_at=window.starts_at,
        ends_at=window.ends_at,
        phase=_phase(window, now),
    )


def _phase(window: Window, now: datetime) -> Phase:
    if window.starts_at is not None and now < window.starts_at:
        return "future"
    if window.ends_at is None or now < window.ends_at:
        return "running"
    return "settling" if window.published_at is not None and now < window.published_at else "published"
