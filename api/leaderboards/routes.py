"""Who earned the most tokens: among all, and among friends."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date
from typing import Annotated, Any, Literal

from litestar import Request, get
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromQuery, QueryParameter

from api.http.auth import Principal
from api.http.checks import Check
from api.http.paging import Cursor, Limit, Page, before_key, page
from api.http.problems import FieldError, Unprocessable
from api.http.promises import responses
from api.http.responses import NOT_MODIFIED_SPEC, Read
from api.leaderboards import reads
from api.leaderboards.places import FIRST, Key, Place, around, moment, ranks_among
from api.leaderboards.resources import Leaderboard, OwnRank, board_of, ranked
from api.reads import SNAPSHOT
from api.services import Services
from api.subscriptions.entitlements import FeatureMissing, FeatureProblem
from api.words import DAY
from ledger.store.batched_queries import Connection
from ledger.windows import Window, WindowKind, window_at

Call = Request[Principal, Any, State]
TAGS = ["leaderboards"]


def _day_fault(text: str) -> str | None:
    try:
        date.fromisoformat(text)
    except ValueError:
        return "is no day of the calendar"
    return None


OnDay = Annotated[
    str | None,
    QueryParameter(
        name="on",
        pattern=DAY,
        description="A day (UTC) of the window, such as 2026-11-29; today's without it.",
    ),
    Check(_day_fault),
]
AroundMe = FromQuery[Literal["me"] | None]
_REFUSED = responses(bodies={FeatureMissing: FeatureProblem}) | NOT_MODIFIED_SPEC


@get(
    "/api/leaderboard/global",
    operation_id="getLeaderboard",
    summary="The board of all",
    tags=TAGS,
    responses=_REFUSED,
)
async def get_leaderboard(
    request: Call,
    services: NamedDependency[Services],
    window: FromQuery[WindowKind] = "week",
    on: OnDay = None,
    around: AroundMe = None,
    cursor: Cursor = None,
    limit: Limit = 20,
) -> Read[Leaderboard]:
    """By tokens earned in the window. `around=me` begins above the caller. Who is not to be seen by the
    caller, as one blocks the other, is left out, and has their rank none the less. Pages neither repeat
    nor skip who stays where they are; whoever's score changes meanwhile may be shown twice or not at all.
    """
    key = _key(cursor, around)
    asked, me = _window(services, window, on), request.user.id
    async with services.reading() as connection, connection.pipeline():
        await connection.execute(SNAPSHOT)
        asked_own = await reads.ask_of(connection, asked.name, [me])
        if around:
            own = _first(await reads.places(asked_own))
            found = await _around(connection, asked.name, me, own, limit)
        else:
            asked_below = await connection.execute(
                reads.BELOW, reads.arguments(asked.name, me, key, limit + 1)
            )
            own = _first(await reads.places(asked_own))
            found = page(await reads.places(asked_below), limit, _key_of)
        ranks, own_rank = await reads.ranks_of(connection, asked.name, found.items, own)
        await connection.execute("COMMIT")
    return _shown(services, asked, found, ranks, _own(own, own_rank))


@get(
    "/api/leaderboard/friends",
    operation_id="getFriendsLeaderboard",
    summary="The board of the caller and their friends",
    tags=TAGS,
    responses=_REFUSED,
)
async def get_friends_leaderboard(
    request: Call,
    services: NamedDependency[Services],
    window: FromQuery[WindowKind] = "week",
    on: OnDay = None,
    around: AroundMe = None,
    cursor: Cursor = None,
    limit: Limit = 20,
) -> Read[Leaderboard]:
    """As the board of all, with ranks among friends alone."""
    key = _key(cursor, around)
    asked, me = _window(services, window, on), request.user.id
    async with services.reading() as connection:
        await connection.execute(SNAPSHOT)
        circle = [*await reads.friends_of(connection, me), me]
        places = await reads.places(await reads.ask_of(connection, asked.name, circle))
        await connection.execute("COMMIT")
    own = next((place for place in places if place.user_id == me), None)
    seen = [place for place in places if not place.hidden]
    own_rank = 1 + sum(place.score > own.score for place in seen) if own else 0
    if around:
        found = _page_around(own, seen, limit)
    else:
        found = page([place for place in seen if place.key > key], limit, _key_of)
    return _shown(services, asked, found, ranks_among(seen), _own(own, own_rank))


def _window(services: Services, kind: WindowKind, on: str | None) -> Window:
    day = date.fromisoformat(on) if on else services.now().astimezone(UTC).date()
    return window_at(kind, day)


def _key(cursor: str | None, around_me: str | None) -> Key:
    """Behind which the page begins."""
    if cursor and around_me:
        raise Unprocessable.at(
            FieldError(detail="cannot go with `around`: leave one out", parameter="cursor")
        )
    key = before_key(cursor, FIRST)
    try:
        moment(key)
    except OverflowError:
        raise Unprocessable.at(
            FieldError(detail="is not a cursor of this list", parameter="cursor")
        ) from None
    return key


def _first(places: Sequence[Place]) -> Place | None:
    return places[0] if places else None


async def _around(connection: Connection, board: str, me: str, own: Place | None, limit: int) -> Page[Place]:
    """Nothing around whoever is on no board."""
    if own is None:
        return Page(items=[], has_more=False)
    arguments = reads.arguments(board, me, own.key, limit)
    asked_above = await connection.execute(reads.ABOVE, arguments)
    asked_below = await connection.execute(reads.BELOW, {**arguments, "limit": limit + 1})
    higher = await reads.places(asked_above)
    return _window_of(higher[::-1], own, await reads.places(asked_below), limit)


def _page_around(own: Place | None, seen: Sequence[Place], limit: int) -> Page[Place]:
    if own is None:
        return Page(items=[], has_more=False)
    higher = [place for place in seen if place.key < own.key]
    return _window_of(higher, own, [place for place in seen if place.key > own.key], limit)


def _window_of(higher: Sequence[Place], own: Place, lower: Sequence[Place], limit: int) -> Page[Place]:
    shown = around(higher, [] if own.hidden else [own], lower, limit)
    last = shown[-1].key if shown else own.key
    more = [place for place in lower if place.key > last][:1]
    return page([*shown, *more], len(shown), _key_of)


def _key_of(place: Place) -> Key:
    return place.key


def _own(own: Place | None, rank: int) -> OwnRank | None:
    if own is None:
        return None
    return OwnRank(
        rank=rank,
        score=own.score,
        score_now=own.score_now,
        reached_at=own.reached_at,
        visible=not own.hidden,
    )


def _shown(
    services: Services, window: Window, found: Page[Place], ranks: dict[int, int], own: OwnRank | None
) -> Read[Leaderboard]:
    items = [ranked(place, ranks[place.score]) for place in found.items]
    return Read(
        Leaderboard(
            board=board_of(window, services.now()),
            items=items,
            has_more=found.has_more,
            next_cursor=found.next_cursor,
            own=own,
        )
    )


HANDLERS = (get_leaderboard, get_friends_leaderboard)
