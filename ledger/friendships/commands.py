"""What can be asked about two users and their friendship; each command is one user's, about another."""

from __future__ import annotations

from typing import ClassVar

from ledger.message import Command


class AskFriend(Command, frozen=True, kw_only=True):
    """Ask the other to be friends. When both asked, they are."""

    NAME: ClassVar[str] = "friendships.ask"
    GENERATED: ClassVar[frozenset[str]] = frozenset({"open_requests", "friends", "most_open", "most_friends"})
    user_id: str
    other_id: str
    open_requests: int = 0
    """Of the user, as far as is known when it is asked."""
    friends: int = 0
    """As `open_requests`."""
    most_open: int
    most_friends: int
    """How many there may be, by the catalogue of that moment."""


class AcceptFriend(Command, frozen=True, kw_only=True):
    NAME: ClassVar[str] = "friendships.accept"
    GENERATED: ClassVar[frozenset[str]] = frozenset({"friends", "most_friends"})
    user_id: str
    other_id: str
    friends: int = 0
    most_friends: int


class DeclineFriend(Command, frozen=True, kw_only=True):
    NAME: ClassVar[str] = "friendships.decline"
    user_id: str
    other_id: str


class WithdrawRequest(Command, frozen=True, kw_only=True):
    """The user's own."""

    NAME: ClassVar[str] = "friendships.withdraw"
    user_id: str
    other_id: str


class Unfriend(Command, frozen=True, kw_only=True):
    NAME: ClassVar[str] = "friendships.unfriend"
    user_id: str
    other_id: str


class BlockUser(Command, frozen=True, kw_only=True):
    NAME: ClassVar[str] = "friendships.block"
    user_id: str
    other_id: str


class UnblockUser(Command, frozen=True, kw_only=True):
    NAME: ClassVar[str] = "friendships.unblock"
    user_id: str
    other_id: str


FriendshipCommand = (
    AskFriend | AcceptFriend | DeclineFriend | WithdrawRequest | Unfriend | BlockUser | UnblockUser
)
