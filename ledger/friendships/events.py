"""Facts about two users and their friendship. `user_id` is who did it, `other_id` the other of the two."""

from __future__ import annotations

from typing import ClassVar

from ledger.message import Event


class FriendAsked(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "friendships.asked.v1"
    user_id: str
    other_id: str
    unheard: bool = False
    """The other had blocked the user, and never sees the request."""


class FriendAccepted(Event, frozen=True, kw_only=True):
    """They are friends: the other's request was accepted, or both had asked."""

    TYPE: ClassVar[str] = "friendships.accepted.v1"
    user_id: str
    other_id: str


class FriendDeclined(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "friendships.declined.v1"
    user_id: str
    other_id: str


class RequestWithdrawn(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "friendships.request_withdrawn.v1"
    user_id: str
    other_id: str


class Unfriended(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "friendships.unfriended.v1"
    user_id: str
    other_id: str


class UserBlocked(Event, frozen=True, kw_only=True):
    """It ends the friendship and the user's own request, and the other's request is never heard of again."""

    TYPE: ClassVar[str] = "friendships.blocked.v1"
    user_id: str
    other_id: str


class UserUnblocked(Event, frozen=True, kw_only=True):
    """Nothing comes back that the block ended."""

    TYPE: ClassVar[str] = "friendships.unblocked.v1"
    user_id: str
    other_id: str


FriendshipEvent = (
    FriendAsked
    | FriendAccepted
    | FriendDeclined
    | RequestWithdrawn
    | Unfriended
    | UserBlocked
    | UserUnblocked
)
