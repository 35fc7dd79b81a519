"""Rewards: none is promised twice, tokens are taken for what is kept, and undone once."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from functools import reduce
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st
from msgspec.structs import replace

from ledger.catalogue import DEFAULT_CATALOGUE, InvalidCatalogue, check
from ledger.effects import FollowRedemption, RestoreRedemption, SpendTokens
from ledger.errors import Forbidden, NotFound
from ledger.features import access
from ledger.message import Origin
from ledger.permissions import check as may_send
from ledger.policies import react
from ledger.redemptions.commands import (
    CancelRedemption,
    ConfirmRedemption,
    FulfilRedemption,
    Offer,
    RedeemReward,
    RedemptionCommand,
    ReleaseRedemption,
)
from ledger.redemptions.decider import TOO_LATE, decide
from ledger.redemptions.events import RedemptionCancelled, RedemptionConfirmed
from ledger.redemptions.refusals import (
    CostChanged,
    InvalidRedemption,
    LimitReached,
    OutOfStock,
    RedemptionInProgress,
    RedemptionNotOpen,
    StillUnlocked,
)
from ledger.redemptions.state import Redeemed, evolve
from ledger.shelf import Reward
from ledger.tokens import decider as tokens
from ledger.tokens.events import TokensAwarded, TokensRedeemed
from ledger.tokens.refusals import InsufficientTokens
from ledger.tokens.state import Tokens
from ledger.tokens.state import evolve as fold
from tests.ledger.examples import DAY, NOON, recorded
from tests.ledger.token_examples import ANN, after, award, claw_back, penalise, restore
from tests.ledger.token_examples import redeem as spend

UNLOCK = Offer(kind="feature_unlock", cost=50, feature="offline_access", days=7)
GOODS = Offer(kind="merchandise", cost=50, stock=1)
GIFT = Offer(kind="donation", cost=50)


def redeem(offer: Offer, number: int = 1, user_id: str = ANN, *, days: float = 0) -> RedeemReward:
    return RedeemReward(
        command_id=f"cmd_{number}",
        effective_at=NOON + timedelta(days=days),
        reward_id="rwd_1",
        redemption_id=f"rdm_{number}",
        user_id=user_id,
        offer=offer,
    )


def of(kind: Any, number: int = 1, *, days: float = 0, **more: Any) -> Any:
    about = {"reward_id": "rwd_1", "redemption_id": f"rdm_{number}"}
    return kind(command_id=f"{kind.NAME}:{number}", effective_at=NOON + timedelta(days=days), **about, **more)


def when(redeemed: Redeemed, *commands: RedemptionCommand) -> Redeemed:
    for command in commands:
        redeemed = reduce(evolve, decide(command, redeemed), redeemed)
    return redeemed


def status(redeemed: Redeemed, number: int = 1) -> str:
    return redeemed.redemptions[f"rdm_{number}"].status


CONFIRM, FULFIL = of(ConfirmRedemption), of(FulfilRedemption)
CANCEL = of(CancelRedemption, reason="Lost in the post")
RELEASE = of(ReleaseRedemption, reason=InsufficientTokens.code)


def test_the_last_item_is_kept_for_one_until_it_is_released_or_cancelled() -> None:
    held = when(Redeemed(), redeem(GOODS))
    with pytest.raises(OutOfStock, match="None of this"):
        decide(redeem(GOODS, 2, "usr_bob"), held)
    assert status(when(held, RELEASE, redeem(GOODS, 2, "usr_bob")), 2) == "held"
    sent = when(held, CONFIRM, FULFIL)
    with pytest.raises(OutOfStock):
        decide(redeem(GOODS, 2, "usr_bob"), sent)
    assert status(when(sent, CANCEL, redeem(GOODS, 2, "usr_bob")), 2) == "held"


def test_goods_wait_for_somebody_and_a_gift_does_not() -> None:
    goods = when(Redeemed(), redeem(GOODS), CONFIRM)
    assert status(goods) == "waiting"
    assert status(when(goods, FULFIL)) == "fulfilled"
    assert status(when(Redeemed(), redeem(GIFT), CONFIRM)) == "fulfilled"
    with pytest.raises(RedemptionNotOpen, match="fulfilled"):
        decide(FULFIL, when(goods, FULFIL))


def test_one_is_undone_once_and_the_stock_counts_it_once() -> None:
    three = replace(GOODS, stock=3)
    one = when(Redeemed(), redeem(three), CONFIRM, redeem(three, 2), of(ConfirmRedemption, 2), CANCEL)
    assert one.live == 1
    with pytest.raises(RedemptionNotOpen, match="cancelled"):
        decide(CANCEL, one)
    with pytest.raises(InvalidRedemption):
        decide(of(CancelRedemption, 2, reason=" "), one)
    with pytest.raises(NotFound):
        decide(of(CancelRedemption, 9, reason="?"), one)


def test_what_is_kept_is_not_cancelled_before_it_is_known_whether_the_tokens_are_there() -> None:
    with pytest.raises(RedemptionNotOpen, match="held"):
        decide(CANCEL, when(Redeemed(), redeem(GIFT)))


def test_less_on_the_shelf_than_is_taken_stops_the_next_one_alone() -> None:
    offer = replace(GOODS, stock=3)
    three = when(Redeemed(), *(redeem(offer, number) for number in (1, 2, 3)), CONFIRM)
    for stock, words in ((2, "None of this reward is left"), (0, "There is none")):
        with pytest.raises(OutOfStock, match=words):
            decide(redeem(replace(offer, stock=stock), 4, "usr_bob"), three)
    with pytest.raises(LimitReached, match="as often as one may: 3"):
        decide(redeem(replace(GIFT, limit=1), 4), three)
    assert status(when(three, FULFIL)) == "fulfilled"
    assert when(three, CANCEL, of(ReleaseRedemption, 2, reason="?")).live == 1


def test_a_user_has_as_many_as_one_may() -> None:
    offer = replace(GIFT, limit=1)
    one = when(Redeemed(), redeem(offer), CONFIRM)
    with pytest.raises(LimitReached, match="as often as one may: 1"):
        decide(redeem(offer, 2), one)
    assert status(when(one, redeem(offer, 2, "usr_bob")), 2) == "held"
    assert status(when(one, CANCEL, redeem(offer, 2)), 2) == "held"


def test_a_cost_that_has_changed_since_it_was_shown_is_refused() -> None:
    for shown in (None, 50):
        assert decide(replace(redeem(GIFT), expected_cost=shown), Redeemed())
    with pytest.raises(CostChanged, match="costs 50 tokens now"):
        decide(replace(redeem(GIFT), expected_cost=40), Redeemed())
    assert redeem(GIFT).digest() != replace(redeem(GIFT), expected_cost=50).digest()


def test_goods_that_wait_for_an_administrator_bar_nothing_that_the_reward_is_made_into() -> None:
    waiting = when(Redeemed(), redeem(GOODS), CONFIRM)
    assert status(when(waiting, redeem(UNLOCK, 2)), 2) == "held"


def test_what_runs_is_not_forgotten_while_the_reward_is_something_else() -> None:
    """An operator makes a gift of it, which is redeemed too, and then what it was."""
    running = when(Redeemed(), redeem(UNLOCK), CONFIRM, redeem(GIFT, 2), of(ConfirmRedemption, 2))
    with pytest.raises(StillUnlocked, match="until 2026-03-08T12:00:00Z"):
        decide(redeem(UNLOCK, 3), running)


def test_what_is_unlocked_is_unlocked_anew_when_it_has_ended_or_was_given_back() -> None:
    held = when(Redeemed(), redeem(UNLOCK))
    with pytest.raises(RedemptionInProgress, match="already"):
        decide(redeem(UNLOCK, 2), held)
    (confirmed,) = decide(CONFIRM, held)
    assert isinstance(confirmed, RedemptionConfirmed)
    assert confirmed.ends_at == NOON + 7 * DAY
    running = evolve(held, confirmed)
    with pytest.raises(StillUnlocked, match="until 2026-03-08T12:00:00Z"):
        decide(redeem(UNLOCK, 2, days=6.9), running)
    assert status(when(running, redeem(UNLOCK, 2, days=7)), 2) == "held"
    assert status(when(running, CANCEL, redeem(UNLOCK, 2)), 2) == "held"


def test_a_feature_that_is_unlocked_is_there_until_its_end_whatever_the_plan() -> None:
    asked = ("free", "", NOON, None, DEFAULT_CATALOGUE)
    assert access(*asked, "offline_access").reason == "not_in_tier"
    unlocked = access(*asked, "offline_access", NOON + DAY)
    assert (unlocked.allowed, unlocked.reason, unlocked.limit) == (True, "reward", None)
    assert not access(*asked, "offline_access", NOON).allowed
    assert access(*asked, "view_courses", NOON + DAY).limit is None, "more than the plan's five"
    assert access(*asked, "global_leaderboard", NOON + DAY).reason == "granted"
    assert access(*asked, "no_such_thing", NOON + DAY).reason == "unknown_feature"
    assert access(*asked, "offline_access", NOON + DAY, seat=True).reason == "seat"
    assert access(*asked, "view_courses", seat=True).limit is None, "more than the plan's five"
    assert access(*asked, "global_leaderboard", seat=True).reason == "granted"
    assert not access(*asked, "no_such_thing", seat=True).allowed


def test_the_tokens_follow_the_reward_and_the_reward_the_tokens() -> None:
    (held,) = decide(redeem(GOODS), Redeemed())
    assert react(recorded(held, stream="reward-rwd_1")) == (SpendTokens("rwd_1", "rdm_1", ANN, 50),)
    (spent,) = tokens.decide(spend(50), after(award()))
    assert react(recorded(spent, stream=f"tokens-{ANN}")) == (FollowRedemption("rwd_1", "rdm_1"),)
    (undone,) = decide(CANCEL, when(Redeemed(), redeem(GOODS), CONFIRM))
    assert react(recorded(undone, stream="reward-rwd_1")) == (RestoreRedemption("rdm_1", ANN),)


def test_nobody_spends_the_tokens_of_another() -> None:
    with pytest.raises(Forbidden, match="another"):
        may_send(redeem(GIFT), Origin(actor="usr_eve", roles=frozenset({"student"})))


@pytest.mark.parametrize(
    ("reward", "words"),
    [
        (Reward(title="?", kind="feature_unlock", cost=1, feature="offline_access"), "needs both"),
        (Reward(title="?", kind="donation", cost=1, days=3, feature="offline_access"), "belong to"),
        (Reward(title="?", kind="feature_unlock", cost=1, feature="flying", days=3), "no tier"),
    ],
)
def test_a_reward_that_cannot_be_is_told_by_its_place(reward: Reward, words: str) -> None:
    with pytest.raises(InvalidCatalogue, match=f"rewards.odd.*{words}"):
        check(replace(DEFAULT_CATALOGUE, rewards={"odd": reward}))
    with pytest.raises(InvalidCatalogue, match="lower case"):
        check(replace(DEFAULT_CATALOGUE, rewards={"Not So": DEFAULT_CATALOGUE.rewards["plant_a_tree"]}))


class World:
    """The two streams, and deliveries that come in any order, twice, and are broken off half-way.

    As the store does, a command that was recorded is not decided again.
    """

    def __init__(self) -> None:
        self.tokens, self.rewards = after(award(40)), Redeemed()
        self.earned: list[TokensAwarded] = []
        self.spent: dict[str, TokensRedeemed] = {}
        self.restored: set[str] = set()
        self.refused: set[int] = set()
        self.net = self.tokens.balance
        """Of awards, restores, redemptions, claw-backs and penalties."""

    def look(self, number: int, *, finishes: bool) -> None:
        """A delivery of `SpendTokens`; one that does not finish leaves the release to another."""
        if f"rdm_{number}" in self.spent or status(self.rewards, number) != "held":
            return
        self.spend(number)
        if finishes:
            self.release(number)

    def spend(self, number: int) -> None:
        """Whatever the reward has become since it was looked at."""
        if f"rdm_{number}" in self.spent:
            return
        try:
            events = tokens.decide(spend(50, number), self.tokens)
        except InsufficientTokens:
            self.refused.add(number)
            return
        self._record(events, -50)
        self.spent[f"rdm_{number}"] = next(one for one in events if isinstance(one, TokensRedeemed))

    def release(self, number: int) -> None:
        """By a delivery that was refused, however long ago."""
        if number in self.refused:
            self.rewards = when(self.rewards, of(ReleaseRedemption, number, reason="insufficient_tokens"))

    def confirm(self, number: int) -> None:
        if f"rdm_{number}" in self.spent:
            self.rewards = when(self.rewards, of(ConfirmRedemption, number))

    def restore(self, number: int) -> None:
        key = f"rdm_{number}"
        if status(self.rewards, number) == "cancelled" and key not in self.restored:
            self._record(tokens.decide(restore(self.spent[key]), self.tokens), 50)
            self.restored.add(key)

    def cancel(self, number: int) -> None:
        """By an administrator, once it is theirs."""
        with suppress(RedemptionNotOpen):
            self.rewards = when(self.rewards, of(CancelRedemption, number, reason="Lost in the post"))

    def earn(self, source: int) -> None:
        self._record(tokens.decide(award(30, f"crs_more_{source}"), self.tokens), 30)

    def claw_back(self, place: int) -> None:
        """What was earned at that place or before, if it still is."""
        earned = {one.source_ref: one for one in self.earned}
        for source in (f"crs_more_{number}" for number in range(place, -1, -1)):
            if source in earned:
                self.earned.remove(earned[source])
                self._record(tokens.decide(claw_back(earned[source]), self.tokens), -30)
                return

    def penalise(self, place: int) -> None:
        self._record(tokens.decide(penalise(20, penalty_id=f"pen_{place}"), self.tokens), -20)

    def _record(self, events: Sequence[Any], change: int) -> None:
        self.tokens, self.net = reduce(fold, events, self.tokens), self.net + change
        self.earned += (one for one in events if isinstance(one, TokensAwarded))
        assert min(self.tokens.balance, self.tokens.debt) >= 0 == self.tokens.balance * self.tokens.debt
        assert self.tokens.balance - self.tokens.debt == self.net


OF_ONE = ["look", "half", "spend", "release", "confirm", "restore", "cancel"]
OF_THE_ACCOUNT = ["earn", "claw_back", "penalise"]
STEPS = OF_ONE + OF_THE_ACCOUNT


@for_all(st.lists(st.tuples(st.sampled_from(STEPS), st.integers(1, 2)), max_size=40))
def test_in_any_order_of_deliveries_tokens_are_gone_for_what_is_there_and_for_nothing_else(
    steps: list[tuple[str, int]],
) -> None:
    world = World()
    world.rewards = when(Redeemed(), *(redeem(GIFT, number) for number in range(1, 3)))
    for place, (step, number) in enumerate(steps):
        match step:
            case "look" | "half":
                world.look(number, finishes=step == "look")
            case _ if step in OF_THE_ACCOUNT:
                getattr(world, step)(place)
            case _:
                getattr(world, step)(number)
    for number in range(1, 3):  # in the end all that waits is delivered
        world.look(number, finishes=True)
        world.release(number)
        world.confirm(number)
        world.restore(number)
    kept = {number for number in range(1, 3) if status(world.rewards, number) == "fulfilled"}
    taken = sum(1 for key in world.spent if key not in world.restored)
    assert taken == len(kept), "tokens are gone for each that is kept, and for no other"
    assert world.rewards.live == len(kept)
    assert {status(world.rewards, number) for number in range(1, 3)} <= {"fulfilled", "released", "cancelled"}


def test_tokens_that_were_taken_after_the_release_are_given_back() -> None:
    released = when(Redeemed(), redeem(GOODS), RELEASE)
    (given_back,) = decide(CONFIRM, released)
    assert isinstance(given_back, RedemptionCancelled)
    assert given_back.reason == TOO_LATE
    assert evolve(released, given_back).live == 0
    confirmed = when(Redeemed(), redeem(GOODS), CONFIRM)
    assert decide(RELEASE, confirmed) == (), "the other delivery was first"


def test_nothing_is_taken_of_an_empty_account() -> None:
    with pytest.raises(InsufficientTokens):
        tokens.decide(spend(50), Tokens())
