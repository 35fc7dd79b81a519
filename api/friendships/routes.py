"""Asking to be friends, answering it, and blocking."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from litestar import Request, Response, delete, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from api.friendships.reads import counts
from api.friendships.resources import AskToBeFriends, OfUser, Relation, relation_of
from api.http.auth import Principal
from api.http.body import IdempotencyKey, known_user
from api.http.preconditions import IDEMPOTENT
from api.http.promises import responses
from api.services import Services, origin_of
from ledger.errors import Contended, NotFound
from ledger.friendships.commands import (
    AcceptFriend,
    AskFriend,
    BlockUser,
    DeclineFriend,
    FriendshipCommand,
    UnblockUser,
    Unfriend,
    WithdrawRequest,
)
from ledger.friendships.decider import FRIENDSHIP
from ledger.friendships.refusals import FriendOfSelf, TooManyFriends, TooManyRequests, UserBlockedByYou
from ledger.friendships.stream import stream_of
from ledger.ids import new_id

Call = Request[Principal, Any, State]
TAGS = ["friends"]
Plain = type[DeclineFriend | WithdrawRequest | BlockUser | UnblockUser]


@post(
    "/api/friends/requests",
    operation_id="askFriend",
    summary="Ask to be friends",
    tags=TAGS,
    opt={IDEMPOTENT: True},
    response_description="It is asked, or they are friends now",
    responses=responses(FriendOfSelf, UserBlockedByYou, TooManyRequests, TooManyFriends),
)
async def ask_friend(
    data: JSONBody[AskToBeFriends],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[Relation]:
    """By the other's id; whether there is such a user is not told. When both have asked they are friends.
    Asking again changes nothing.
    """

    async def command(command_id: str) -> FriendshipCommand:
        friends, open_requests = await _counts(services, request)
        return AskFriend(
            command_id=command_id,
            effective_at=services.now(),
            user_id=request.user.id,
            other_id=data.user_id,
            open_requests=open_requests,
            friends=friends,
            most_open=services.catalogue.friends.open_requests,
            most_friends=services.catalogue.friends.friends,
        )

    asked = (idempotency_key, data)
    return await _decided(services, request, data.user_id, asked, command, status_code=201)


@post(
    "/api/friends/requests/{user_id:str}/accept",
    operation_id="acceptFriend",
    summary="Accept a request",
    tags=TAGS,
    status_code=200,
    opt={IDEMPOTENT: True},
    response_description="They are friends",
    responses=responses(NotFound, FriendOfSelf, TooManyFriends),
)
async def accept_friend(
    user_id: FromPath[str],
    data: JSONBody[OfUser],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[Relation]:
    """Of the user in the address."""
    other_id = known_user(user_id)

    async def command(command_id: str) -> FriendshipCommand:
        friends, _ = await _counts(services, request)
        return AcceptFriend(
            command_id=command_id,
            effective_at=services.now(),
            user_id=request.user.id,
            other_id=other_id,
            friends=friends,
            most_friends=services.catalogue.friends.friends,
        )

    return await _decided(services, request, other_id, (idempotency_key, data), command)


@post(
    "/api/friends/requests/{user_id:str}/decline",
    operation_id="declineFriend",
    summary="Decline a request",
    tags=TAGS,
    status_code=200,
    opt={IDEMPOTENT: True},
    response_description="The request is over",
    responses=responses(NotFound, FriendOfSelf),
)
async def decline_friend(
    user_id: FromPath[str],
    data: JSONBody[OfUser],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[Relation]:
    """Whoever asked may ask again."""
    return await _plainly(services, request, user_id, (idempotency_key, data), DeclineFriend)


@post(
    "/api/friends/requests/{user_id:str}/withdraw",
    operation_id="withdrawFriendRequest",
    summary="Withdraw one's own request",
    tags=TAGS,
    status_code=200,
    opt={IDEMPOTENT: True},
    response_description="The request is over",
    responses=responses(NotFound, FriendOfSelf),
)
async def withdraw_request(
    user_id: FromPath[str],
    data: JSONBody[OfUser],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[Relation]:
    """To the user in the address."""
    return await _plainly(services, request, user_id, (idempotency_key, data), WithdrawRequest)


@delete(
    "/api/friends/{user_id:str}",
    operation_id="unfriend",
    summary="End a friendship",
    tags=TAGS,
    status_code=200,
    response_description="They are no friends",
    responses=responses(NotFound, FriendOfSelf, Contended),
)
async def unfriend(
    user_id: FromPath[str], request: Call, services: NamedDependency[Services]
) -> Response[Relation]:
    """Harmless when there is none."""
    other_id = known_user(user_id)
    command = Unfriend(
        command_id=new_id("cmd"), effective_at=services.now(), user_id=request.user.id, other_id=other_id
    )
    done = await services.submitter.submit(command, origin_of(request))
    return Response(await _relation(services, request, other_id), headers=done.headers)


@post(
    "/api/friends/{user_id:str}/block",
    operation_id="blockUser",
    summary="Block a user",
    tags=TAGS,
    status_code=200,
    opt={IDEMPOTENT: True},
    response_description="They are blocked",
    responses=responses(NotFound, FriendOfSelf),
)
async def block_user(
    user_id: FromPath[str],
    data: JSONBody[OfUser],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[Relation]:
    """It ends the friendship, and each is hidden from the other on every board. The other is not told: what
    they ask looks as if it were never answered.
    """
    return await _plainly(services, request, user_id, (idempotency_key, data), BlockUser)


@post(
    "/api/friends/{user_id:str}/unblock",
    operation_id="unblockUser",
    summary="Unblock a user",
    tags=TAGS,
    status_code=200,
    opt={IDEMPOTENT: True},
    response_description="They are not blocked",
    responses=responses(NotFound, FriendOfSelf),
)
async def unblock_user(
    user_id: FromPath[str],
    data: JSONBody[OfUser],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[Relation]:
    """Nothing comes back that the block ended: neither the friendship nor a request."""
    return await _plainly(services, request, user_id, (idempotency_key, data), UnblockUser)


async def _counts(services: Services, request: Call) -> tuple[int, int]:
    async with services.reading() as connection:
        return await counts(connection, request.user.id)


async def _plainly(
    services: Services, request: Call, user_id: str, asked: tuple[str, msgspec.Struct], kind: Plain
) -> Response[Any]:
    """A command that says nothing but who and whom."""
    other_id = known_user(user_id)

    async def command(command_id: str) -> FriendshipCommand:
        return kind(
            command_id=command_id, effective_at=services.now(), user_id=request.user.id, other_id=other_id
        )

    return await _decided(services, request, other_id, asked, command)


async def _decided(
    services: Services,
    request: Call,
    other_id: str,
    asked: tuple[str, msgspec.Struct],
    command: Callable[[str], Awaitable[FriendshipCommand]],
    *,
    status_code: int = 200,
) -> Response[Any]:
    """`asked` is the key and the body; `command` gets the id of the one that it makes."""
    key, body = asked

    async def work(command_id: str) -> Response[Any]:
        done = await services.submitter.submit_once(
            command_id, lambda: command(command_id), origin_of(request)
        )
        shown = await _relation(services, request, other_id)
        return Response(shown, status_code=status_code, headers=done.headers)

    return await services.idempotency.run(request, key, body, work)


async def _relation(services: Services, request: Call, other_id: str) -> Relation:
    """By the ledger."""
    friendship = await services.store.state(FRIENDSHIP, stream_of(request.user.id, other_id))
    return relation_of(friendship, request.user.id, other_id)


HANDLERS = (
    ask_friend,
    accept_friend,
    decline_friend,
    withdraw_request,
    unfriend,
    block_user,
    unblock_user,
)
