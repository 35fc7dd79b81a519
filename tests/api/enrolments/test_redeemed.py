"""A course for tokens over HTTP: had at once, or nothing is taken; and taken again when it is cancelled."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from msgspec.structs import replace

from ledger.catalogue import DEFAULT_CATALOGUE
from ledger.effects import (
    EnrolRedeemer,
    FollowRedeemedCourse,
    FollowRedemption,
    RestoreRedemption,
    RevokeRedeemedCourse,
)
from ledger.ids import new_id
from ledger.shelf import Reward
from projections.live import check
from tests.api.courses import ways
from tests.api.enrolments.conftest import AUTHOR, Market
from tests.api.enrolments.learners import content_of
from tests.api.support import Caller, problem, until

COST = 100
REWARD = "course_for_tokens"


def put_on_shelf(market: Market, course_id: str, **changes: Any) -> None:
    reward = Reward(title="A course", kind="premium_content", cost=COST, course_id=course_id)
    shelf = {**DEFAULT_CATALOGUE.rewards, REWARD: replace(reward, **changes)}
    market.app.replace(catalogue=replace(DEFAULT_CATALOGUE, rewards=shelf))


@pytest.fixture
async def root(market: Market) -> Caller:
    put_on_shelf(market, market.course_id)
    return market.app.caller("usr_root", "admin")


async def give(root: Caller, user_id: str, amount: int = COST) -> None:
    body = {"user_id": user_id, "amount": amount, "reason": "For answers"}
    assert (await root("POST", "/api/tokens/award", key=new_id("key"), json=body)).status_code == 201


async def redeem(caller: Caller, key: str | None = None) -> Any:
    body = {"reward_id": REWARD}
    return await caller("POST", "/api/tokens/redeem", key=key or new_id("key"), json=body)


async def cancel(market: Market, root: Caller, redemption_id: str, key: str | None = None) -> Any:
    await market.app.projected()
    path = f"/api/tokens/redemptions/{redemption_id}/cancel"
    return await root("POST", path, key=key or new_id("key"), json={"reason": "By mistake"})


async def balance(caller: Caller) -> int:
    found: int = (await caller.get("/api/tokens/balance")).json()["balance"]
    return found


async def told(market: Market, caller: Caller) -> str | None:
    """What the list of rewards says that it would be refused with."""
    await market.app.projected()
    items = (await caller.get("/api/rewards")).json()["items"]
    reason: str | None = next(one["reason"] for one in items if one["reward_id"] == REWARD)
    return reason


async def test_a_course_is_had_at_once_and_its_instructor_is_owed_their_part(
    market: Market, ann: Caller, root: Caller
) -> None:
    await give(root, ann.user_id)
    assert await told(market, ann) is None
    key = new_id("key")
    answer, again = await redeem(ann, key), await redeem(ann, key)
    assert (answer.status_code, answer.json()["status"]) == (201, "fulfilled"), answer.text
    assert again.json() == answer.json()
    assert (answer.json()["course_id"], await balance(ann)) == (market.course_id, 0)
    assert (await content_of(ann, market.course_id)).status_code == 200
    (enrolment,) = await market.enrolments(ann)
    assert (enrolment["status"], enrolment["payment_id"], enrolment["discount_minor"]) == ("active", "", 4900)
    books = await market.balances()
    assert (books[f"2100 {AUTHOR}"], books["4920"]) == (-3430, 4900)
    assert await market.charged() == []
    (listed,) = (await ann.get("/api/tokens/redemptions")).json()["items"]
    assert (listed["course_id"], listed["status"]) == (market.course_id, "fulfilled")


async def test_a_course_that_cannot_be_given_is_refused_in_words_before_tokens_are_taken(
    market: Market, ann: Caller, root: Caller
) -> None:
    author = market.app.caller(AUTHOR, "instructor")
    for user_id in (ann.user_id, AUTHOR):
        await give(root, user_id, 2 * COST)
    assert problem(await redeem(author))["code"] == await told(market, author) == "own_course"
    assert (await redeem(ann)).status_code == 201
    refused = problem(await redeem(ann))
    assert refused["code"] == await told(market, ann) == "already_enrolled"
    assert "no tokens are taken" in refused["detail"]
    for way, changes in ((ways.DRAFT, {}), (ways.TAKEN_DOWN, {}), (ways.PUBLISHED, {"price_minor": 0})):
        put_on_shelf(market, await market.course(way, **changes))
        assert problem(await redeem(ann))["code"] == await told(market, ann) == "course_not_for_sale"
    put_on_shelf(market, "crs_nowhere")
    assert problem(await redeem(ann))["code"] == await told(market, ann) == "course_not_for_sale"
    put_on_shelf(market, await market.course())
    assert (await redeem(ann)).status_code == 201
    assert (await balance(ann), await balance(author)) == (0, 2 * COST)


async def test_a_purchase_that_is_under_way_is_finished_first(
    market: Market, ann: Caller, root: Caller
) -> None:
    await give(root, ann.user_id)
    asks = await ann.buy(market.course_id, payment_method="pm_card_authenticationRequired")
    assert asks.status_code == 202
    assert problem(await redeem(ann))["code"] == await told(market, ann) == "purchase_in_progress"
    assert await balance(ann) == COST


async def test_a_course_that_is_cancelled_is_taken_again_and_can_be_redeemed_anew(
    market: Market, ann: Caller, root: Caller
) -> None:
    await give(root, ann.user_id)
    redemption_id = (await redeem(ann)).json()["redemption_id"]
    both = await asyncio.gather(*(cancel(market, root, redemption_id) for _ in range(2)))
    assert sorted(answer.status_code for answer in both) == [200, 409]
    assert await balance(ann) == COST
    assert problem(await content_of(ann, market.course_id))["code"] == "access_ended"
    assert [one["status"] for one in await market.enrolments(ann)] == ["revoked"]
    assert await told(market, ann) is None
    assert (await redeem(ann)).json()["status"] == "fulfilled"
    assert (await content_of(ann, market.course_id)).status_code == 200
    await market.app.projected()
    names = ["redemptions", "enrolments", "courses"]
    assert check(market.app.services.database_url, names).differences == ()


async def test_what_came_in_between_gives_the_tokens_back_and_says_so(
    market: Market, ann: Caller, root: Caller
) -> None:
    """The process dies before the course is given, and the learner buys it meanwhile."""
    await give(root, ann.user_id)
    market.stripe.gateway.dies_at = EnrolRedeemer
    key = new_id("key")
    waiting = await redeem(ann, key)
    assert (waiting.status_code, waiting.json()["status"]) == (202, "waiting")
    redemption_id = waiting.json()["redemption_id"]
    assert problem(await cancel(market, root, redemption_id))["code"] == "redemption_not_open"
    waits = (await root.get("/api/tokens/redemptions/waiting")).json()["items"]
    assert waits == [], "for nobody to fulfil it"
    assert (await ann.buy(market.course_id)).status_code == 201
    market.stripe.gateway.dies_at = None

    async def is_back() -> bool:
        await market.hurry()
        return await balance(ann) == COST

    async with market.working():
        await until(is_back)
    await market.app.projected()
    (listed,) = (await ann.get("/api/tokens/redemptions")).json()["items"]
    assert (listed["status"], listed["reason"]) == ("cancelled", "already_enrolled")
    said = problem(await redeem(ann, key))
    assert said["code"] == "course_not_given"
    assert said["detail"].endswith("(already_enrolled); its 100 tokens are given back.")
    assert [one["status"] for one in await market.enrolments(ann)] == ["active"], "as it was bought"


async def test_two_rewards_of_one_course_at_once_take_the_tokens_of_one(
    market: Market, ann: Caller, root: Caller
) -> None:
    reward = Reward(title="A course", kind="premium_content", cost=COST, course_id=market.course_id)
    shelf = {f"way_{number}": reward for number in range(4)}
    market.app.replace(catalogue=replace(DEFAULT_CATALOGUE, rewards=shelf))
    await give(root, ann.user_id, 4 * COST)
    bodies = [{"reward_id": reward_id} for reward_id in shelf]
    answers = await asyncio.gather(
        *(ann("POST", "/api/tokens/redeem", key=new_id("key"), json=body) for body in bodies)
    )
    codes = [answer.json().get("code", "") for answer in answers]
    assert codes.count("") == 1
    assert set(codes) <= {"", "course_not_given", "already_enrolled"}
    assert await balance(ann) == 3 * COST


@pytest.mark.parametrize("dies_at", [FollowRedemption, EnrolRedeemer, FollowRedeemedCourse])
async def test_a_redemption_that_was_cut_anywhere_is_gone_on_with(
    market: Market, ann: Caller, root: Caller, dies_at: type[Any]
) -> None:
    await give(root, ann.user_id)
    market.stripe.gateway.dies_at = dies_at
    key = new_id("key")
    cut = await redeem(ann, key)
    assert (cut.status_code, cut.json()["status"] in {"held", "waiting"}) == (202, True)
    market.stripe.gateway.dies_at = None
    refused = problem(await cancel(market, root, cut.json()["redemption_id"]))
    assert refused["code"] == "redemption_not_open", "it is not known yet what there is to cancel"
    market.app.replace(catalogue=DEFAULT_CATALOGUE)  # the reward is there no more, and what was begun goes on
    async with market.working():
        await market.until(ann, "active")

        async def is_told() -> bool:
            await market.hurry()
            await market.app.projected()
            (one,) = (await ann.get("/api/tokens/redemptions")).json()["items"]
            return bool(one["status"] == "fulfilled")

        await until(is_told)
    again = await redeem(ann, key)
    assert (again.status_code, again.json()["status"]) == (201, "fulfilled"), "it is told how it stands"
    assert await balance(ann) == 0


@pytest.mark.parametrize("dies_at", [RestoreRedemption, RevokeRedeemedCourse])
async def test_a_cancellation_that_was_cut_says_so_and_is_gone_on_with(
    market: Market, ann: Caller, root: Caller, dies_at: type[Any]
) -> None:
    await give(root, ann.user_id)
    redemption_id = (await redeem(ann)).json()["redemption_id"]
    market.stripe.gateway.dies_at = dies_at
    key = new_id("key")
    cut = await cancel(market, root, redemption_id, key)
    assert (cut.status_code, cut.json()["status"]) == (202, "cancelled")
    market.stripe.gateway.dies_at = None
    async with market.working():
        await market.until(ann, "revoked")

        async def is_back() -> bool:
            await market.hurry()
            return await balance(ann) == COST

        await until(is_back)
    again = await cancel(market, root, redemption_id, key)
    assert (again.status_code, again.json()["status"]) == (200, "cancelled"), "it is told how it stands"
