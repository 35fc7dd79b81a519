"""The rules of two users and their friendship.

Nothing that a user is answered depends on whether the other blocks them: to them a block looks as if the
other had ended the friendship, withdrawn their request, and never answered again.
"""

from __future__ import annotations

from typing import assert_never, get_args

from ledger.errors import NotFound
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
from ledger.friendships.events import (
    FriendAccepted,
    FriendAsked,
    FriendDeclined,
    FriendshipEvent,
    RequestWithdrawn,
    Unfriended,
    UserBlocked,
    UserUnblocked,
)
from ledger.friendships.refusals import FriendOfSelf, TooManyFriends, TooManyRequests, UserBlockedByYou
from ledger.friendships.state import Friendship, evolve, standing
from ledger.friendships.stream import stream_of
from ledger.message import Decider

_Events = tuple[FriendshipEvent, ...]


def decide(command: FriendshipCommand, friendship: Friendship) -> _Events:
    if command.user_id == command.other_id:
        raise FriendOfSelf("This is you: name another user.")
    match command:
        case AskFriend():
            return _ask(command, friendship)
        case AcceptFriend() | DeclineFriend() | WithdrawRequest():
            return _settle(command, friendship)
        case Unfriend():
            ended = Unfriended(user_id=command.user_id, other_id=command.other_id)
            return (ended,) if friendship.friends else ()
        case BlockUser() | UnblockUser():
            return _block(command, friendship)
        case _:
            assert_never(command)


def _ask(command: AskFriend, friendship: Friendship) -> _Events:
    about = {"user_id": command.user_id, "other_id": command.other_id}
    if command.user_id in friendship.blocked_by:
        raise UserBlockedByYou(f"You block {command.other_id}: unblock them first.")
    if friendship.friends or friendship.asked_by == command.user_id:
        return ()
    if friendship.asked_by:  # heard of or not: both want it
        _check_friends(command.friends, command.most_friends)
        return (FriendAccepted(**about),)
    if command.open_requests >= command.most_open:
        raise TooManyRequests(
            f"{command.open_requests} of your requests are open, and {command.most_open} may be: "
            "withdraw one, or wait until one is answered."
        )
    _check_friends(command.friends + command.open_requests, command.most_friends)
    return (FriendAsked(**about, unheard=command.other_id in friendship.blocked_by),)


def _settle(command: AcceptFriend | DeclineFriend | WithdrawRequest, friendship: Friendship) -> _Events:
    about = {"user_id": command.user_id, "other_id": command.other_id}
    seen = standing(friendship, command.user_id)
    match command:
        case AcceptFriend() if seen == "friends":
            return ()
        case AcceptFriend() if seen == "asked_by_them":
            _check_friends(command.friends, command.most_friends)
            return (FriendAccepted(**about),)
        case DeclineFriend() if seen == "asked_by_them":
            return (FriendDeclined(**about),)
        case WithdrawRequest() if seen == "asked":
            return (RequestWithdrawn(**about),)
        case WithdrawRequest():
            raise NotFound(f"You have no open request to {command.other_id}.")
        case _:
            raise NotFound(f"There is no open request of {command.other_id} to you.")


def _check_friends(friends: int, most: int) -> None:
    if friends >= most:
        raise TooManyFriends(
            f"You have {friends} friends and people whom you asked, and {most} is as many as there may be."
        )


def _block(command: BlockUser | UnblockUser, friendship: Friendship) -> _Events:
    about = {"user_id": command.user_id, "other_id": command.other_id}
    blocks = command.user_id in friendship.blocked_by
    if isinstance(command, BlockUser):
        return () if blocks else (UserBlocked(**about),)
    return (UserUnblocked(**about),) if blocks else ()


def stream(command: FriendshipCommand) -> str:
    return stream_of(command.user_id, command.other_id)


FRIENDSHIP: Decider[FriendshipCommand, Friendship, FriendshipEvent] = Decider(
    stream=stream,
    decide=decide,
    evolve=evolve,
    initial=Friendship(),
    commands=get_args(FriendshipCommand),
    events=get_args(FriendshipEvent),
)
