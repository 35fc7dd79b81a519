"""A page of a board as it is answered: its rows with their ranks, and the caller's own."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from api.http.paging import Page, page
from api.http.responses import Read
from api.leaderboards.places import Key, Place, around
from api.leaderboards.resources import Leaderboard, OwnRank, Ranked, board_of
from ledger.windows import Window


def window_around(higher: Sequence[Place], own: Place, lower: Sequence[Place], limit: int) -> Page[Place]:
    seen = around(higher, [] if own.hidden else [own], lower, limit)
    last = seen[-1].key if seen else own.key
    more = [place for place in lower if place.key > last][:1]
    return page([*seen, *more], len(seen), key_of)


def key_of(place: Place) -> Key:
    return place.key


def own_of(own: Place | None, rank: int) -> OwnRank | None:
    if own is None:
        return None
    return OwnRank(
        rank=rank,
        score=own.score,
        score_now=own.score_now,
        reached_at=own.reached_at,
        visible=not own.hidden,
    )


def shown(
    window: Window, now: datetime, found: Page[Place], ranks: dict[int, int], own: OwnRank | None
) -> Read[Leaderboard]:
    items = [
        Ranked(
            rank=ranks[place.score],
            user_id=place.user_id,
            name=place.name,
            score=place.score,
            score_now=place.score_now,
            reached_at=place.reached_at,
        )
        for place in found.items
    ]
    return Read(
        Leaderboard(
            board=board_of(window, now),
            items=items,
            has_more=found.has_more,
            next_cursor=found.next_cursor,
            own=own,
        )
    )
