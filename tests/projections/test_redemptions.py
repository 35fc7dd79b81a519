"""The tables of redemptions are what the rules make of the facts, live and rebuilt, counts included."""

from __future__ import annotations

import random
from collections import Counter
from datetime import timedelta
from functools import reduce
from typing import Any

import psycopg
import pytest

from ledger.errors import Refused
from ledger.redemptions import commands
from ledger.redemptions.decider import decide, taken_of
from ledger.redemptions.events import RedemptionCancelled, RedemptionConfirmed
from ledger.redemptions.state import LIVE, Redeemed, evolve
from ledger.redemptions.stream import stream_of
from ledger.store import conninfo
from projections.live import check, rebuild
from tests.ledger.examples import NOON
from tests.projections.histories import History, append
from tests.projections.tables import catch_up, contents, select

USERS = ("usr_a", "usr_b", "usr_c")
OFFERS = {
    "goods": commands.Offer(kind="merchandise", cost=50, stock=4, limit=2),
    "gift": commands.Offer(kind="donation", cost=10),
    "unlock": commands.Offer(kind="feature_unlock", cost=20, feature="offline_access", days=3),
    "course": commands.Offer(kind="premium_content", cost=90, course_id="crs_1"),
}
FOLLOWING: tuple[Any, ...] = (
    commands.ConfirmRedemption,
    commands.ReleaseRedemption,
    commands.CompleteRedemption,
    commands.GiveUpRedemption,
    commands.FulfilRedemption,
    commands.CancelRedemption,
)


def by_chance(seed: int, steps: int) -> tuple[History, dict[str, Redeemed]]:
    """Three users who redeem, and whatever becomes of it in whatever order."""
    chance, history = random.Random(seed), History()  # noqa: S311  # a test's dice
    rewards = dict.fromkeys(OFFERS, Redeemed())
    for number in range(steps):
        reward_id = chance.choice(list(OFFERS))
        command = _command(chance, number, reward_id, rewards[reward_id])
        try:
            facts = decide(command, rewards[reward_id])
        except Refused:
            continue
        if facts:
            history.add(stream_of(reward_id), *facts)
            rewards[reward_id] = reduce(evolve, facts, rewards[reward_id])
    return history, rewards


def _command(chance: random.Random, number: int, reward_id: str, redeemed: Redeemed) -> Any:
    to: dict[str, Any] = {
        "command_id": f"cmd_{number}",
        "effective_at": NOON + timedelta(hours=number),
        "reward_id": reward_id,
    }
    known = list(redeemed.redemptions)
    if not known or chance.random() < 0.4:
        offer, user_id = OFFERS[reward_id], chance.choice(USERS)
        return commands.RedeemReward(**to, redemption_id=f"red_{number}", user_id=user_id, offer=offer)
    kind = chance.choice(FOLLOWING)
    why = {"reason": "So it was"} if "reason" in kind.__struct_fields__ else {}
    return kind(**to, **why, redemption_id=chance.choice(known))


@pytest.mark.parametrize(("seed", "batch"), [(1, 1), (2, 7), (3, 500)])
def test_each_row_and_each_count_is_as_the_rules_have_it(database_url: str, seed: int, batch: int) -> None:
    history, rewards = by_chance(seed, 500)
    append(database_url, history.recorded)
    assert catch_up(database_url, batch=batch).errors == {}
    rows = select(database_url, "SELECT * FROM redemptions")
    assert {(row["reward_id"], row["redemption_id"]): _of_row(row) for row in rows} == {
        (reward_id, redemption_id): _of_rules(one)
        for reward_id, redeemed in rewards.items()
        for redemption_id, one in redeemed.redemptions.items()
    }
    assert {row["status"] for row in rows} == {"held", "waiting", "fulfilled", "released", "cancelled"}
    assert _counts(database_url) == {reward_id: redeemed.live for reward_id, redeemed in rewards.items()}
    of_users = select(database_url, "SELECT * FROM reward_user_counts")
    assert {(row["user_id"], row["reward_id"]): row["live"] for row in of_users if row["live"]} == {
        (user_id, reward_id): live
        for reward_id, redeemed in rewards.items()
        for user_id, live in redeemed.live_of.items()
    }
    assert check(database_url, ["redemptions"]).differences == ()


def _of_row(row: dict[str, Any]) -> tuple[Any, ...]:
    names = ("user_id", "kind", "cost", "status", "ends_at", "course_id", "reason")
    return tuple(row[name] for name in names)


def _of_rules(one: Any) -> tuple[Any, ...]:
    return one.user_id, one.kind, one.cost, one.status, one.ends_at, one.course_id, one.reason


def _counts(url: str) -> dict[str, int]:
    return {row["reward_id"]: row["live"] for row in select(url, "SELECT * FROM reward_counts")}


def test_a_rebuild_counts_what_is_taken_as_the_live_tables_have_it(database_url: str) -> None:
    history, rewards = by_chance(4, 300)
    append(database_url, history.recorded)
    catch_up(database_url, batch=11)
    before = contents(database_url)
    with psycopg.connect(conninfo(database_url), autocommit=True) as conn:
        conn.execute("UPDATE reward_counts SET live = live + 1")
    assert check(database_url, ["redemptions"]).differences, "what is counted wrong is found"
    rebuild(database_url, ["redemptions"])
    assert contents(database_url) == before
    assert sum(_counts(database_url).values()) == sum(redeemed.live for redeemed in rewards.values())


def test_what_was_given_back_after_its_release_counts_once(database_url: str) -> None:
    about: dict[str, Any] = {"effective_at": NOON, "reward_id": "gift", "redemption_id": "red_1"}
    ask = commands.RedeemReward(command_id="cmd_1", user_id="usr_a", offer=OFFERS["gift"], **about)
    release = commands.ReleaseRedemption(command_id="cmd_2", reason="insufficient_tokens", **about)
    confirm = commands.ConfirmRedemption(command_id="cmd_3", **about)
    history, redeemed = History(), Redeemed()
    for command in (ask, release, confirm):
        facts = decide(command, redeemed)
        history.add(stream_of("gift"), *facts)
        redeemed = reduce(evolve, facts, redeemed)
    append(database_url, history.recorded)
    catch_up(database_url, batch=1)
    assert _counts(database_url) == {"gift": 0}
    [row] = select(database_url, "SELECT status, reason FROM redemptions")
    assert row == {"status": "cancelled", "reason": "released_already"}


def test_facts_of_what_is_not_known_stop_nothing(database_url: str) -> None:
    """As where a restore lost how it began."""
    about: dict[str, Any] = {"reward_id": "gift", "redemption_id": "red_lost", "user_id": "usr_a"}
    history = History()
    history.add(stream_of("gift"), RedemptionConfirmed(**about), RedemptionCancelled(**about, reason="?"))
    append(database_url, history.recorded)
    assert catch_up(database_url).errors == {}
    assert _counts(database_url) == {}


def test_as_it_is_counted_it_is_decided() -> None:
    _, rewards = by_chance(5, 400)
    for redeemed in rewards.values():
        live = [one for one in redeemed.redemptions.values() if one.status in LIVE]
        assert redeemed.live == len(live)
        of_users = Counter(one.user_id for one in live)
        assert all(taken_of(redeemed, user_id).theirs == of_users[user_id] for user_id in USERS)
