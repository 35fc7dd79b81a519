"""The caller's friends, requests, and whom they block."""

from __future__ import annotations

from functools import partial
from typing import Any

from litestar import Request, get
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromQuery

from api.friendships.reads import LISTS
from api.friendships.resources import (
    Blocked,
    Direction,
    Friend,
    FriendRequest,
    blocked_of,
    friend_of,
    request_of,
)
from api.http.auth import Principal
from api.http.paging import Cursor, Limit, Page
from api.http.responses import NOT_MODIFIED_SPEC, Read
from api.reads import newest_first
from api.services import Services
from projections.friendships import FRIENDSHIPS

Call = Request[Principal, Any, State]
TAGS = ["friends"]


@get(
    "/api/friends",
    operation_id="listFriends",
    summary="The caller's friends",
    tags=TAGS,
    responses=NOT_MODIFIED_SPEC,
)
async def list_friends(
    request: Call, services: NamedDependency[Services], cursor: Cursor = None, limit: Limit = 20
) -> Read[Page[Friend]]:
    """The newest first."""
    me = request.user.id
    shown = partial(friend_of, user_id=me)
    of = {"user_id": me}
    return await newest_first(
        services.reads, LISTS["friends"], FRIENDSHIPS, of, shown, cursor=cursor, limit=limit
    )


@get(
    "/api/friends/requests",
    operation_id="listFriendRequests",
    summary="Open requests to be friends",
    tags=TAGS,
    responses=NOT_MODIFIED_SPEC,
)
async def list_requests(
    request: Call,
    services: NamedDependency[Services],
    cursor: Cursor = None,
    limit: Limit = 20,
    direction: FromQuery[Direction] = "incoming",
) -> Read[Page[FriendRequest]]:
    """Those of others to the caller, or the caller's own; the newest first."""
    me = request.user.id
    shown = partial(request_of, user_id=me)
    of = {"user_id": me}
    return await newest_first(
        services.reads, LISTS[direction], FRIENDSHIPS, of, shown, cursor=cursor, limit=limit
    )


@get(
    "/api/friends/blocked",
    operation_id="listBlocked",
    summary="Whom the caller blocks",
    tags=TAGS,
    responses=NOT_MODIFIED_SPEC,
)
async def list_blocked(
    request: Call, services: NamedDependency[Services], cursor: Cursor = None, limit: Limit = 20
) -> Read[Page[Blocked]]:
    """Nobody else sees it."""
    me = request.user.id
    shown = partial(blocked_of, user_id=me)
    of = {"user_id": me}
    return await newest_first(
        services.reads, LISTS["blocked"], FRIENDSHIPS, of, shown, cursor=cursor, limit=limit
    )


HANDLERS = (list_friends, list_requests, list_blocked)
