"""Why something is refused between two users. None of these tells what the other one did, but a request."""

from __future__ import annotations

from typing import ClassVar

from ledger.errors import Invalid, Refused


class FriendOfSelf(Invalid):
    """Nobody is their own friend, nor blocks themselves."""

    code: ClassVar[str] = "friend_of_self"
    remedy: ClassVar[str] = "Name another user: `user_id` is whom it is about."


class UserBlockedByYou(Refused):
    """The caller has blocked whom they ask."""

    code: ClassVar[str] = "user_blocked_by_you"
    remedy: ClassVar[str] = "Unblock them first."
    passing: ClassVar[bool] = True


class TooManyRequests(Refused):
    """As many of the caller's requests are open as may be."""

    code: ClassVar[str] = "too_many_friend_requests"
    remedy: ClassVar[str] = "Withdraw one, or wait until one is answered."
    passing: ClassVar[bool] = True


class TooManyFriends(Refused):
    """The caller has as many friends as one may have, counting those who are asked."""

    code: ClassVar[str] = "too_many_friends"
    remedy: ClassVar[str] = "End a friendship, or withdraw a request, first."
    passing: ClassVar[bool] = True
