"""`liberation rewards`: what tokens were spent on, and what becomes of it, from the command line."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, get_args

import pytest

from api.cli.rewards import STATUSES
from ledger.message import Command, Origin
from ledger.redemptions.commands import ConfirmRedemption, Offer, RedeemReward
from ledger.redemptions.state import Status
from ledger.store import Store
from tests.api.cli.conftest import Run
from tests.api.cli.test_courses import project

NOW = datetime.now(UTC)
STICKERS = Offer(kind="merchandise", cost=200, stock=100, limit=1)
SYSTEM = Origin(actor="worker", roles=frozenset({"system"}))
Redeem = Callable[[str, str], None]


@pytest.fixture
def redeem(ledger: str) -> Redeem:
    """A set of stickers, which then waits to be sent."""

    async def handle(user_id: str, redemption_id: str) -> None:
        of: dict[str, Any] = {"reward_id": "sticker_set", "redemption_id": redemption_id}
        held = RedeemReward(
            command_id=f"{redemption_id}-1", effective_at=NOW, user_id=user_id, offer=STICKERS, **of
        )
        paid = ConfirmRedemption(command_id=f"{redemption_id}-2", effective_at=NOW, **of)
        user = Origin(actor=user_id, roles=frozenset({"student"}))
        steps: tuple[tuple[Command, Origin], ...] = ((held, user), (paid, SYSTEM))
        async with Store.open(ledger) as store:
            for command, origin in steps:
                await store.handle(command, origin)

    def done(user_id: str, redemption_id: str) -> None:
        asyncio.run(handle(user_id, redemption_id))
        project(ledger)

    return done


def test_rewards_are_listed_with_what_is_left(run: Run, redeem: Redeem) -> None:
    redeem("usr_ann", "red_1")
    assert "sticker_set              merchandise      200         1    99" in run("rewards", "list").stdout
    shelf = {one["reward_id"]: one for one in json.loads(run("rewards", "list", "--json").stdout)}
    assert (shelf["sticker_set"]["redeemed"], shelf["plant_a_tree"]["left"]) == (1, None)


def test_what_waits_is_fulfilled_or_cancelled(run: Run, ledger: str, redeem: Redeem) -> None:
    assert "There is no redemption." in run("rewards", "redemptions").stdout
    redeem("usr_ann", "red_1")
    redeem("usr_bob", "red_2")
    waiting = run("rewards", "redemptions", "--status", "waiting").stdout
    assert waiting.index("red_2") < waiting.index("red_1")
    assert run("rewards", "fulfil", "red_1").stdout == "red_1 is fulfilled.\n"
    lost = run("rewards", "cancel", "red_2", "--reason", "Lost in the post")
    assert lost.stdout == "red_2 is cancelled: usr_bob is given its tokens back.\n"
    project(ledger)
    assert json.loads(run("rewards", "redemptions", "--status", "waiting", "--json").stdout) == []
    (of_bob,) = json.loads(run("rewards", "redemptions", "--user", "usr_bob", "--json").stdout)
    assert (of_bob["status"], of_bob["reason"]) == ("cancelled", "Lost in the post")


def test_what_cannot_be_decided_is_told_with_exit_code_2(run: Run, redeem: Redeem) -> None:
    redeem("usr_ann", "red_1")
    unknown = run("rewards", "fulfil", "red_9")
    assert (unknown.exit_code, "There is no redemption 'red_9'" in unknown.stderr) == (2, True)
    assert run("rewards", "cancel", "red_1").exit_code == 2
    blank = run("rewards", "cancel", "red_1", "--reason", " ")
    assert (blank.exit_code, "`reason`" in blank.stderr) == (2, True)
    run("rewards", "cancel", "red_1", "--reason", "Lost")
    again = run("rewards", "cancel", "red_1", "--reason", "Lost")
    assert (again.exit_code, "is cancelled, so that there is nothing to give back" in again.stderr) == (
        2,
        True,
    )


def test_the_statuses_are_those_of_the_rules() -> None:
    assert set(STATUSES) == set(get_args(Status))
