"""What the facts of two users come to."""

from __future__ import annotations

from typing import Literal, assert_never

from msgspec import Struct

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
from ledger.persistent import PersistentSet

Standing = Literal["none", "asked", "asked_by_them", "friends"]


class Friendship(Struct, frozen=True):
    friends: bool = False
    asked_by: str = ""
    """Whose request is open."""
    unheard: bool = False
    """Of that request: whom it was made to blocks or blocked its maker, and is never shown it."""
    blocked_by: PersistentSet = PersistentSet()


def standing(friendship: Friendship, user_id: str) -> Standing:
    """As `user_id`, one of the two, sees it. What the other blocks is not to be seen by it."""
    if friendship.friends:
        return "friends"
    if friendship.asked_by == user_id:
        return "asked"
    return "asked_by_them" if friendship.asked_by and not friendship.unheard else "none"


def evolve(friendship: Friendship, event: FriendshipEvent) -> Friendship:
    blocked_by = friendship.blocked_by
    match event:
        case FriendAsked():
            return Friendship(False, event.user_id, event.unheard, blocked_by)
        case FriendAccepted():
            return Friendship(friends=True, blocked_by=blocked_by)
        case FriendDeclined() | RequestWithdrawn() | Unfriended():
            return Friendship(blocked_by=blocked_by)
        case UserBlocked():
            theirs = friendship.asked_by if friendship.asked_by != event.user_id else ""
            return Friendship(False, theirs, bool(theirs), blocked_by.add(event.user_id))
        case UserUnblocked():
            kept = blocked_by.discard(event.user_id)
            return Friendship(friendship.friends, friendship.asked_by, friendship.unheard, kept)
        case _:
            assert_never(event)
