"""Friendships as requests write them and as answers show them. Users are known by their ids alone."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from api.courses.resources import UserId
from ledger.friendships.state import Friendship, Standing, standing
from projections.friendships import FriendshipRow

Direction = Literal["incoming", "outgoing"]


class AskToBeFriends(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    user_id: UserId


class OfUser(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An empty object: the address says it all."""


class Relation(msgspec.Struct, frozen=True, kw_only=True):
    """How the caller stands to another user. What that one blocks is not told: it looks as if they never
    answered.
    """

    user_id: str
    """The other."""
    status: Standing
    """`asked`: the caller's request is open; `asked_by_them`: theirs."""
    blocked: bool
    """By the caller."""


class Friend(msgspec.Struct, frozen=True, kw_only=True):
    user_id: str
    since: datetime
    position: int


class FriendRequest(msgspec.Struct, frozen=True, kw_only=True):
    user_id: str
    """Who asked the caller, or whom the caller asked."""
    direction: Direction
    requested_at: datetime
    position: int


class Blocked(msgspec.Struct, frozen=True, kw_only=True):
    user_id: str
    position: int


def relation_of(friendship: Friendship, user_id: str, other_id: str) -> Relation:
    return Relation(
        user_id=other_id,
        status=standing(friendship, user_id),
        blocked=user_id in friendship.blocked_by,
    )


def friend_of(row: FriendshipRow, user_id: str) -> Friend:
    return Friend(user_id=_other(row, user_id), since=row.since, position=row.position)


def request_of(row: FriendshipRow, user_id: str) -> FriendRequest:
    return FriendRequest(
        user_id=_other(row, user_id),
        direction="outgoing" if row.asked_by == user_id else "incoming",
        requested_at=row.since,
        position=row.position,
    )


def blocked_of(row: FriendshipRow, user_id: str) -> Blocked:
    return Blocked(user_id=_other(row, user_id), position=row.position)


def _other(row: FriendshipRow, user_id: str) -> str:
    return row.greater if row.lesser == user_id else row.lesser
