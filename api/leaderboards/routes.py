"""Who earned the most tokens: among all, and among friends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from litestar import Request, get
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromQuery

from api.http.auth import Principal
from api.http.paging import Cursor, Limit, Page, page
from api.http.responses import Read
from api.leaderboards import reads
from api.leaderboards.asking import REFUSED, TAGS, AroundMe, OnDay, first_key, window_of
from api.leaderboards.circles import Circle, board_among
from api.leaderboards.places import Key, Place, moment
from api.leaderboards.resources import Leaderboard
from api.leaderboards.showing import key_of, own_of, shown, window_around
from api.reads import SNAPSHOT
from api.services import Services
from ledger.store.batched_queries import Connection
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
    key = first_key(cursor, around)
    asked, me = window_of(window, on, services.now()), request.user.id
    async with services.reading() as connection, connection.pipeline():
        await connection.execute(SNAPSHOT)
        asked_own = await reads.ask_of(connection, asked.name, [me])
        if around:
            own = _first(await reads.places(asked_own))
            found = await _around(connection, asked.name, me, own, limit)
        else:
            asked_below = await connection.execute(reads.BELOW, _arguments(asked.name, me, key, limit + 1))
            own = _first(await reads.places(asked_own))
            found = page(await reads.places(asked_below), limit, key_of)
        ranks, own_rank = await reads.ranks_of(connection, asked.name, found.items, own)
        await connection.execute("COMMIT")
    return shown(asked, services.now(), found, ranks, own_of(own, own_rank))


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
    me = request.user.id

    async def circle_of(connection: Connection) -> Circle:
        return Circle([*await reads.friends_of(connection, me), me])

    asked, key = window_of(window, on, services.now()), first_key(cursor, around)
    return await board_among(services, me, circle_of, asked, key, limit, around=around is not None)


def _first(places: Sequence[Place]) -> Place | None:
    return places[0] if places else None


async def _around(connection: Connection, board: str, me: str, own: Place | None, limit: int) -> Page[Place]:
    """Nothing around whoever is on no board."""
    if own is None:
        return Page(items=[], has_more=False)
    arguments = _arguments(board, me, own.key, limit)
    asked_above = await connection.execute(reads.ABOVE, arguments)
    asked_below = await connection.execute(reads.BELOW, {**arguments, "limit": limit + 1})
    higher = await reads.places(asked_above)
    return window_around(higher[::-1], own, await reads.places(asked_below), limit)


def _arguments(board: str, me: str, key: Key, limit: int) -> dict[str, Any]:
    return {
        "board": board,
        "me": me,
        "score": key[0],
        "reached_at": moment(key),
        "user_id": key[2],
        "limit": limit,
    }


HANDLERS = (get_leaderboard, get_friends_leaderboard)
