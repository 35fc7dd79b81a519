"""Where rows stand among each other: the key that orders them, ranks, and the window around one of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import TypeVar

from msgspec import Struct

T = TypeVar("T")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

Key = tuple[int, int, str]
"""Of a cursor: the score below zero, microseconds of when it was reached, the user."""
FIRST: Key = (-(2**62), 0, "")
"""Before all."""


class Place(Struct, frozen=True):
    """A row of a board, without its rank."""

    user_id: str
    score: int
    reached_at: datetime
    score_now: int
    hidden: bool = False
    name: str | None = None

    @property
    def key(self) -> Key:
        return -self.score, (self.reached_at - _EPOCH) // _MICROSECOND, self.user_id


def moment(key: Key) -> datetime:
    """When the score of a cursor was reached. Raises `OverflowError` for a time that there is not."""
    return _EPOCH + key[1] * _MICROSECOND


def ranks(first: int, higher: int, users: Mapping[int, int]) -> dict[int, int]:
    """By score, of those from `first` downwards: `higher` users have more than it, and `users` each."""
    found, rank = {}, higher + 1
    for score in sorted({first, *users}, reverse=True):
        found[score] = rank
        rank += users.get(score, 0)
    return found


def ranks_among(places: Sequence[Place]) -> dict[int, int]:
    """By score, where `places`, in their order, are all that there are."""
    found, rank = {}, 1
    for score, equal in groupby(places, key=lambda place: place.score):
        found[score] = rank
        rank += sum(1 for _ in equal)
    return found


def around(before: Sequence[T], own: Sequence[T], after: Sequence[T], limit: int) -> list[T]:
    """`limit` of them where there are so many, `own` in their middle, or as near to it as the ends allow.

    `before` has the nearest last, and `own` one or none.
    """
    others = limit - len(own)
    below = max(others - others // 2, others - len(before))
    above_ = min(len(before), others - min(below, len(after)))
    return [*before[len(before) - above_ :], *own, *after[: others - above_]]
