"""A page of a board as it is answered: its rows with their ranks, and the caller's own."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from datetime import datetime

from api.http.paging import Page, page
from api.http.responses import Read
from api.leaderboards.places import Key, Place, around
from api.leaderboards.resources import Leaderboard, OwnRank, board_of, ranked
from ledger.windows import Window


def page_of(window: Window, places: Sequence[Place], limit: int) -> Page[Place]:
    """Of `limit + 1` places. Its cursor says of which window it is, as it is a place of no other."""
    return page(places, limit, lambda place: (*place.key, window.name))


def page_around(window: Window, own: Place | None, seen: Sequence[Place], limit: int) -> Page[Place]:
    """Nothing around whoever is on no board. `seen` is in the order of the board."""
    if own is None:
        return Page(items=[], has_more=False)
    higher = seen[: bisect_left(seen, own.key, key=key_of)]
    lower = behind(seen, own.key)
    found = around(higher, [] if own.hidden else [own], lower, limit)
    more = behind(lower, found[-1].key if found else own.key)
    return page_of(window, [*found, *more[:1]], len(found))


def behind(seen: Sequence[Place], key: Key) -> Sequence[Place]:
    return seen[bisect_right(seen, key, key=key_of) :]


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
    window: Window, now: datetime, found: Page[Place], ranks: Mapping[int, int], own: OwnRank | None
) -> Read[Leaderboard]:
    items = [ranked(place, ranks[place.score]) for place in found.items]
    return Read(
        Leaderboard(
            board=board_of(window, now),
            items=items,
            has_more=found.has_more,
            next_cursor=found.next_cursor,
            own=own,
        )
    )
