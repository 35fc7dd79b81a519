"""A board of a few: read whole, and ranked among themselves."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from msgspec import Struct

from api.http.responses import Read
from api.leaderboards.places import Key, Place, ranks_among
from api.leaderboards.resources import Leaderboard
from api.leaderboards.showing import behind, own_of, page_around, page_of, shown
from ledger.windows import Window


class Circle(Struct, frozen=True):
    places: list[Place]
    """Of all of them who have a score, hidden ones too, in the order of the board."""
    unseen: Collection[str] = ()
    """Who is not shown to the caller and has their rank none the less."""


def board_among(
    circle: Circle, me: str, window: Window, now: datetime, key: Key, limit: int, *, around: bool
) -> Read[Leaderboard]:
    """Behind `key`, or around the caller `me`, who may be none of the circle."""
    own = next((place for place in circle.places if place.user_id == me), None)
    ranked = [place for place in circle.places if not place.hidden]
    own_rank = 1 + sum(place.score > own.score for place in ranked) if own else 0
    seen = [place for place in ranked if place.user_id not in circle.unseen]
    found = page_around(window, own, seen, limit) if around else page_of(window, behind(seen, key), limit)
    return shown(window, now, found, ranks_among(ranked), own_of(own, own_rank))
