"""Who earned the most tokens: among all, and among friends."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
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
from api.services import Services
from api.subscriptions.entitlements import FeatureMissing, FeatureProblem
from api.words import DAY
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
    query = reads.AROUND_ME if around else reads.BEHIND
    async with services.reading() as connection:
        board = await reads.ask(connection, query, reads.arguments(asked.name, me, key, limit))
    own = board.own
    found = _page_around(own, board.places, limit) if around else page(board.places, limit, _key_of)
    return _shown(services, asked, found, board.ranks, _own(own, board.own_rank))


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
        places = await reads.of_friends(connection, asked.name, me)
    own = next((place for place in places if place.user_id == me), None)
    seen = [place for place in places if not place.hidden]
    own_rank = 1 + sum(place.score > own.score for place in seen) if own else 0
    if around:
        found = _page_around(own, seen, limit)
    else:
        found = page(seen[bisect_right(seen, key, key=_key_of) :], limit, _key_of)
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


def _page_around(own: Place | None, seen: Sequence[Place], limit: int) -> Page[Place]:
    """Nothing around whoever is on no board."""
    if own is None:
        return Page(items=[], has_more=False)
    higher = seen[: bisect_left(seen, own.key, key=_key_of)]
    return _window_of(higher, own, seen[bisect_right(seen, own.key, key=_key_of) :], limit)


def _window_of(higher: Sequence[Place], own: Place, lower: Sequence[Place], limit: int) -> Page[Place]:
    shown = around(higher, [] if own.hidden else [own], lower, limit)
    last = shown[-1].key if shown else own.key
    behind = bisect_right(lower, last, key=_key_of)
    return page([*shown, *lower[behind : behind + 1]], len(shown), _key_of)


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
    services: Services, window: Window, found: Page[Place], ranks: Mapping[int, int], own: OwnRank | None
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
