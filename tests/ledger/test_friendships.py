"""Friendships: both must want one, a block tells nobody, and what it ended does not come back."""

from __future__ import annotations

from functools import reduce
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st
from msgspec.structs import replace

from ledger.errors import NotFound, Refused
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
from ledger.friendships.decider import decide, stream
from ledger.friendships.events import FriendAccepted, FriendAsked, FriendshipEvent
from ledger.friendships.refusals import FriendOfSelf, TooManyFriends, TooManyRequests, UserBlockedByYou
from ledger.friendships.state import Friendship, evolve, standing
from ledger.friendships.stream import stream_of
from tests.ledger.examples import NOON

ANN, BOB = "usr_ann", "usr_bob"
Kind = type[FriendshipCommand]


def command(kind: Kind, user_id: str = ANN, other_id: str = BOB, **more: Any) -> FriendshipCommand:
    limits = {AskFriend: {"most_open": 2, "most_friends": 3}, AcceptFriend: {"most_friends": 3}}
    fields: dict[str, Any] = {"command_id": "cmd_1", "effective_at": NOON, **limits.get(kind, {}), **more}
    return kind(user_id=user_id, other_id=other_id, **fields)


def ann(kind: Kind, **more: Any) -> FriendshipCommand:
    return command(kind, ANN, BOB, **more)


def bob(kind: Kind, **more: Any) -> FriendshipCommand:
    return command(kind, BOB, ANN, **more)


def after(*commands: FriendshipCommand) -> Friendship:
    friendship = Friendship()
    for each in commands:
        friendship = reduce(evolve, decide(each, friendship), friendship)
    return friendship


def seen(friendship: Friendship) -> tuple[str, str]:
    """By Ann and by Bob."""
    return standing(friendship, ANN), standing(friendship, BOB)


@pytest.mark.parametrize(
    ("commands", "by_both"),
    [
        ((ann(AskFriend),), ("asked", "asked_by_them")),
        ((ann(AskFriend), bob(AcceptFriend)), ("friends", "friends")),
        ((ann(AskFriend), bob(DeclineFriend)), ("none", "none")),
        ((ann(AskFriend), bob(DeclineFriend), ann(AskFriend)), ("asked", "asked_by_them")),
        ((ann(AskFriend), ann(WithdrawRequest)), ("none", "none")),
        ((ann(AskFriend), bob(AcceptFriend), ann(Unfriend)), ("none", "none")),
        ((ann(AskFriend), bob(AcceptFriend), bob(Unfriend)), ("none", "none")),
    ],
)
def test_friends_are_who_both_want_it(
    commands: tuple[FriendshipCommand, ...], by_both: tuple[str, str]
) -> None:
    assert seen(after(*commands)) == by_both


def test_requests_that_cross_are_a_friendship() -> None:
    facts = decide(bob(AskFriend), after(ann(AskFriend)))
    assert facts == (FriendAccepted(user_id=BOB, other_id=ANN),)
    assert stream(ann(AskFriend)) == stream(bob(AskFriend))


def test_no_two_pairs_of_users_share_a_stream() -> None:
    """Ids of users may have hyphens."""
    assert stream_of("a-b", "c") != stream_of("a", "b-c")


@pytest.mark.parametrize(
    ("given", "again"),
    [
        ((ann(AskFriend),), ann(AskFriend)),
        ((ann(AskFriend), bob(AcceptFriend)), bob(AcceptFriend)),
        ((ann(AskFriend), bob(AcceptFriend)), ann(AskFriend)),
        ((), ann(Unfriend)),
        ((ann(BlockUser),), ann(BlockUser)),
        ((), ann(UnblockUser)),
    ],
)
def test_what_is_so_already_is_no_fact(
    given: tuple[FriendshipCommand, ...], again: FriendshipCommand
) -> None:
    assert decide(again, after(*given)) == ()


@pytest.mark.parametrize(
    ("given", "asked", "refusal"),
    [
        ((), bob(AcceptFriend), NotFound),
        ((), bob(DeclineFriend), NotFound),
        ((), ann(WithdrawRequest), NotFound),
        ((ann(AskFriend),), ann(AcceptFriend), NotFound),
        ((ann(AskFriend),), bob(WithdrawRequest), NotFound),
        ((ann(AskFriend), bob(AcceptFriend)), ann(WithdrawRequest), NotFound),
        ((), command(AskFriend, ANN, ANN), FriendOfSelf),
        ((), command(BlockUser, ANN, ANN), FriendOfSelf),
        ((ann(BlockUser),), ann(AskFriend), UserBlockedByYou),
        ((), ann(AskFriend, open_requests=2), TooManyRequests),
        ((), ann(AskFriend, open_requests=1, friends=2), TooManyFriends),
        ((ann(AskFriend),), bob(AskFriend, friends=3), TooManyFriends),
        ((ann(AskFriend),), bob(AcceptFriend, friends=3), TooManyFriends),
    ],
)
def test_what_makes_no_sense_is_refused(
    given: tuple[FriendshipCommand, ...], asked: FriendshipCommand, refusal: type[Refused]
) -> None:
    with pytest.raises(refusal):
        decide(asked, after(*given))


def test_requests_that_cross_need_no_place_among_the_open_ones() -> None:
    assert decide(bob(AskFriend, open_requests=2), after(ann(AskFriend)))


def test_a_block_ends_the_friendship_and_lifting_it_does_not_bring_it_back() -> None:
    friends = (ann(AskFriend), bob(AcceptFriend))
    assert seen(after(*friends, ann(BlockUser))) == ("none", "none")
    assert seen(after(*friends, ann(BlockUser), ann(UnblockUser))) == ("none", "none")


def test_who_is_blocked_asks_and_is_never_answered() -> None:
    facts = decide(bob(AskFriend), after(ann(BlockUser)))
    assert facts == (FriendAsked(user_id=BOB, other_id=ANN, unheard=True),)
    assert seen(after(ann(BlockUser), bob(AskFriend))) == ("none", "asked")
    assert seen(after(bob(AskFriend), ann(BlockUser))) == ("none", "asked")


def test_a_request_that_was_not_heard_stays_so_after_the_block() -> None:
    for unheard in ((ann(BlockUser), bob(AskFriend)), (bob(AskFriend), ann(BlockUser))):
        lifted = after(*unheard, ann(UnblockUser))
        assert seen(lifted) == ("none", "asked")
        with pytest.raises(NotFound):
            decide(ann(AcceptFriend), lifted)
        anew = after(*unheard, ann(UnblockUser), bob(WithdrawRequest), bob(AskFriend))
        assert seen(anew) == ("asked_by_them", "asked")
        assert seen(after(*unheard, ann(UnblockUser), ann(AskFriend))) == ("friends", "friends")


def test_each_lifts_their_own_block_alone() -> None:
    both = after(ann(BlockUser), bob(BlockUser), ann(UnblockUser))
    with pytest.raises(UserBlockedByYou):
        decide(bob(AskFriend), both)
    assert decide(ann(AskFriend), both) == (FriendAsked(user_id=ANN, other_id=BOB, unheard=True),)


# -------------------------------------------------------------------------- a blocked user learns nothing

KINDS = (AskFriend, AcceptFriend, DeclineFriend, WithdrawRequest, Unfriend, BlockUser, UnblockUser)
STEPS = st.lists(st.tuples(st.sampled_from((ANN, BOB)), st.sampled_from(KINDS)), max_size=14)


class Told:
    """What Bob is told, step by step. `openly`: Ann never blocks, but ends what there is and then is silent,
    until she says that she is not any more.
    """

    def __init__(self, *, openly: bool) -> None:
        self.openly = openly
        self.silent = False
        self.friendship = Friendship()
        self.told: list[object] = []

    def ask(self, user: str, kind: Kind) -> None:
        if user == BOB:
            self.told.append((self._answer(bob(kind)), standing(self.friendship, BOB)))
        elif not self.openly:
            self._answer(ann(kind))
        else:
            self._as_if(kind)

    def _as_if(self, kind: Kind) -> None:
        if kind is BlockUser and not self.silent:
            self._answer(ann(Unfriend))
            self._answer(ann(WithdrawRequest))
            self.friendship = replace(self.friendship, unheard=bool(self.friendship.asked_by))
        if kind in {BlockUser, UnblockUser}:
            self.silent = kind is BlockUser
        elif not self.silent or kind is not AskFriend:
            self._answer(ann(kind))

    def _answer(self, asked: FriendshipCommand) -> object:
        try:
            facts: tuple[FriendshipEvent, ...] = decide(asked, self.friendship)
        except Refused as refused:
            return refused.code, refused.detail
        self.friendship = reduce(evolve, facts, self.friendship)
        if self.openly and self.silent and asked.user_id == BOB and isinstance(asked, AskFriend) and facts:
            self.friendship = replace(self.friendship, unheard=True)
        return "done"


@for_all(STEPS)
def test_a_block_looks_like_somebody_who_ends_it_and_never_answers(steps: list[tuple[str, Kind]]) -> None:
    blocked, unanswered = Told(openly=False), Told(openly=True)
    for user, kind in steps:
        blocked.ask(user, kind)
        unanswered.ask(user, kind)
    assert blocked.told == unanswered.told
