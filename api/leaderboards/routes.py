"""Who earned the most tokens: among all, and among friends."""

from __future__ import annotations

from typing import Any

from litestar import Request, get
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromQuery

from api.http.auth import Principal
from api.http.paging import Cursor, Limit
from api.http.responses import Read
from api.leaderboards import reads
from api.leaderboards.asking import REFUSED, TAGS, AroundMe, OnDay, first_key, window_of
from api.leaderboards.circles import Circle, board_among
from api.leaderboards.resources import Leaderboard
from api.leaderboards.showing import own_of, page_around, page_of, shown
from api.services import Services
from ledger.windows import WindowKind

Call = Request[Principal, Any, State]


@get(
    "/api/leaderboard/global",
    operation_id="getLeaderboard",
    summary="The board of all",
    tags=TAGS,
    responses=REFUSED,
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
    asked, me = window_of(window, on, services.now()), request.user.id
    key = first_key(cursor, around, asked)
    query = reads.AROUND_ME if around else reads.BEHIND
    async with services.reading_planned() as connection:
        board = await reads.ask(connection, query, reads.arguments(asked.name, me, key, limit))
    own, places = board.own, board.places
    found = page_around(asked, own, places, limit) if around else page_of(asked, places, limit)
    return shown(asked, services.now(), found, board.ranks, own_of(own, board.own_rank))


@get(
    "/api/leaderboard/friends",
    operation_id="getFriendsLeaderboard",
    summary="The board of the caller and their friends",
    tags=TAGS,
    responses=REFUSED,
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
    asked, me = window_of(window, on, services.now()), request.user.id
    key = first_key(cursor, around, asked)
    async with services.reading_planned() as connection:
        circle = Circle(await reads.of_friends(connection, asked.name, me))
    return board_among(circle, me, asked, services.now(), key, limit, around=around is not None)


HANDLERS = (get_leaderboard, get_friends_leaderboard)
