"""A board of a few: read whole, and ranked among themselves."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence

from msgspec import Struct

from api.http.paging import Page, page
from api.http.responses import Read
from api.leaderboards import reads
from api.leaderboards.places import Key, Place, ranks_among
from api.leaderboards.resources import Leaderboard
from api.leaderboards.showing import key_of, own_of, shown, window_around
from api.reads import SNAPSHOT
from api.services import Services
from ledger.store.batched_queries import Connection
from ledger.windows import Window


class Circle(Struct, frozen=True):
    users: list[str]
    unseen: Collection[str] = ()
    """Who is not shown to the caller and has their rank none the less."""


async def board_among(
    services: Services,
    me: str,
    circle_of: Callable[[Connection], Awaitable[Circle]],
    window: Window,
    key: Key,
    limit: int,
    *,
    around: bool,
) -> Read[Leaderboard]:
    """Behind `key`, or around the caller `me`, who may be none of the circle."""
    async with services.reading() as connection:
        await connection.execute(SNAPSHOT)
        circle = await circle_of(connection)
        places = await reads.places(await reads.ask_of(connection, window.name, circle.users))
        await connection.execute("COMMIT")
    own = next((place for place in places if place.user_id == me), None)
    ranked = [place for place in places if not place.hidden]
    own_rank = 1 + sum(place.score > own.score for place in ranked) if own else 0
    seen = [place for place in ranked if place.user_id not in circle.unseen]
    if around:
        found = _page_around(own, seen, limit)
    else:
        found = page([place for place in seen if place.key > key], limit, key_of)
    return shown(window, services.now(), found, ranks_among(ranked), own_of(own, own_rank))


def _page_around(own: Place | None, seen: Sequence[Place], limit: int) -> Page[Place]:
    """Nothing around whoever has no score."""
    if own is None:
        return Page(items=[], has_more=False)
    higher = [place for place in seen if place.key < own.key]
    return window_around(higher, own, [place for place in seen if place.key > own.key], limit)
