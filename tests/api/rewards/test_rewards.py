"""Rewards over HTTP: what there is, redeeming under concurrency, and what becomes of a redemption."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec.structs import replace
from psycopg import AsyncConnection

from api import reads
from api.settings import Settings
from api.stripe import redemptions
from ledger.catalogue import DEFAULT_CATALOGUE, Feature
from ledger.effects import SpendTokens
from ledger.errors import Refused
from ledger.ids import new_id
from ledger.message import Origin
from ledger.policies import react
from ledger.redemptions.commands import Offer, RedeemReward
from ledger.redemptions.decider import REWARD
from ledger.redemptions.stream import stream_of
from ledger.shelf import Reward
from ledger.store import Store
from projections.live import check
from tests.api.support import Caller, FakeStripe, Running, problem, running
from tests.databases import clone, drop

SHELF = {
    **DEFAULT_CATALOGUE.rewards,
    "last_one": Reward(title="The last one", kind="merchandise", cost=50, stock=1),
}


@pytest.fixture(scope="module")
def fake() -> FakeStripe:
    return FakeStripe()


@pytest.fixture(scope="module")
async def app(
    server: str, template: str, tmp_path_factory: pytest.TempPathFactory, fake: FakeStripe
) -> AsyncIterator[Running]:
    settings = Settings(
        data_dir=tmp_path_factory.mktemp("rewards"), rate_limit_per_minute=1_000_000, rate_limit_burst=100_000
    )
    url = clone(server, template)
    async with running(settings, url, fake) as opened:
        opened.replace(catalogue=replace(DEFAULT_CATALOGUE, rewards=SHELF))
        yield opened
    drop(server, url)


@pytest.fixture(autouse=True)
def now(fake: FakeStripe) -> None:
    fake.offset = timedelta(0)


@pytest.fixture
def root(app: Running) -> Caller:
    return app.caller("usr_root", "admin")


@pytest.fixture
def ann(app: Running) -> Caller:
    return app.caller(new_id("usr"), "student")


async def give(root: Caller, to: Caller, amount: int) -> None:
    body = {"user_id": to.user_id, "amount": amount, "reason": "For answers"}
    answer = await root("POST", "/api/tokens/award", key=new_id("key"), json=body)
    assert answer.status_code == 201, answer.text


async def redeem(caller: Caller, reward_id: str, key: str | None = None) -> Any:
    body = {"reward_id": reward_id}
    return await caller("POST", "/api/tokens/redeem", key=key or new_id("key"), json=body)


async def move(root: Caller, redemption_id: str, how: str, **body: Any) -> Any:
    path = f"/api/tokens/redemptions/{redemption_id}/{how}"
    return await root("POST", path, key=new_id("key"), json=body)


async def balance(caller: Caller) -> int:
    found: int = (await caller.get("/api/tokens/balance")).json()["balance"]
    return found


async def offered(app: Running, caller: Caller, reward_id: str) -> dict[str, Any]:
    await app.projected()
    items = (await caller.get("/api/rewards")).json()["items"]
    found: dict[str, Any] = next(item for item in items if item["reward_id"] == reward_id)
    return found


async def test_a_feature_is_unlocked_at_once_and_until_its_end(
    app: Running, root: Caller, ann: Caller, fake: FakeStripe
) -> None:
    await give(root, ann, 60)
    assert (await ann.get("/api/leaderboard/friends")).status_code == 403
    answer = await redeem(ann, "friend_leaderboard_week")
    assert (answer.status_code, answer.json()["status"]) == (201, "fulfilled")
    assert await balance(ann) == 10
    assert (await ann.get("/api/leaderboard/friends")).status_code == 200
    checked = (await ann.get("/api/features/friend_leaderboard/check")).json()
    assert (checked["allowed"], checked["reason"]) == (True, "reward")
    shown = await offered(app, ann, "friend_leaderboard_week")
    assert (shown["reason"], shown["ends_at"]) == ("still_unlocked", answer.json()["ends_at"])
    refused = problem(await redeem(ann, "friend_leaderboard_week"))
    assert refused["code"] == "still_unlocked"
    assert refused["detail"].startswith("You have this until 20")
    fake.offset = timedelta(days=7, minutes=1)
    assert (await ann.get("/api/leaderboard/friends")).status_code == 403
    assert (await offered(app, ann, "friend_leaderboard_week"))["ends_at"] is None


async def test_what_the_plan_has_already_takes_no_tokens(app: Running, root: Caller, ann: Caller) -> None:
    """Without limit; of a feature with one a reward gives more."""
    await give(root, ann, 60)
    for limit, refusal in ((None, "already_in_plan"), (3, None)):
        free = DEFAULT_CATALOGUE.tiers["free"]
        features = {**free.features, "friend_leaderboard": Feature(limit=limit)}
        tiers = {**DEFAULT_CATALOGUE.tiers, "free": replace(free, features=features)}
        app.replace(catalogue=replace(DEFAULT_CATALOGUE, tiers=tiers, rewards=SHELF))
        shown = await offered(app, ann, "friend_leaderboard_week")
        assert (shown["available"], shown["reason"]) == (refusal is None, refusal)
        answer = await redeem(ann, "friend_leaderboard_week")
        assert answer.json().get("code") == refusal
        assert await balance(ann) == (60 if refusal else 10)
    app.replace(catalogue=replace(DEFAULT_CATALOGUE, rewards=SHELF))


async def test_what_is_owed_is_missing_too(app: Running, root: Caller, ann: Caller) -> None:
    """As whatever comes in repays it first."""
    body = {"user_id": ann.user_id, "amount": 30, "reason": "Copied"}
    assert (await root("POST", "/api/tokens/penalise", key=new_id("key"), json=body)).status_code == 201
    assert (await offered(app, ann, "plant_a_tree"))["missing"] == 130
    assert (await ann.get("/api/rewards")).json()["debt"] == 30
    assert problem(await redeem(ann, "plant_a_tree"))["detail"] == (
        "This costs 100 tokens, which were not there; the balance is 0 and 30 are owed and "
        "repaid first, so that 130 are missing."
    )
    await give(root, ann, 130)
    assert (await redeem(ann, "plant_a_tree")).status_code == 201


async def test_what_the_balance_does_not_have_takes_nothing_and_says_so(
    app: Running, root: Caller, ann: Caller
) -> None:
    await give(root, ann, 30)
    key = new_id("key")
    for refused in [problem(await redeem(ann, "last_one", key)) for _ in range(2)]:
        assert refused["code"] == "insufficient_tokens"
        assert refused["detail"] == "This costs 50 tokens, which were not there; the balance is 30."
    shown = await offered(app, ann, "last_one")
    assert (shown["left"], shown["missing"], shown["available"]) == (1, 20, False)
    assert problem(await redeem(ann, "no_such_reward"))["code"] == "not_found"


async def test_goods_are_fulfilled_or_cancelled_by_an_admin_and_undone_once(
    app: Running, root: Caller, ann: Caller
) -> None:
    await give(root, ann, 250)
    key = new_id("key")
    first, again = await redeem(ann, "sticker_set", key), await redeem(ann, "sticker_set", key)
    assert first.json() == again.json()
    assert (first.json()["status"], await balance(ann)) == ("waiting", 50)
    redemption_id = first.json()["redemption_id"]
    assert problem(await redeem(ann, "sticker_set"))["code"] == "limit_reached"
    await app.projected()
    waiting = (await root.get("/api/tokens/redemptions/waiting")).json()["items"]
    assert redemption_id in {item["redemption_id"] for item in waiting}
    left = (await offered(app, ann, "sticker_set"))["left"]
    assert (await move(root, redemption_id, "fulfil")).json()["status"] == "fulfilled"
    assert problem(await move(root, redemption_id, "fulfil"))["code"] == "redemption_not_open"
    undone = await move(root, redemption_id, "cancel", reason="Lost in the post")
    assert (undone.status_code, undone.json()["status"]) == (200, "cancelled")
    assert (await balance(ann), (await offered(app, ann, "sticker_set"))["left"]) == (250, left + 1)
    refused = await move(root, redemption_id, "cancel", reason="Once more")
    assert problem(refused)["code"] == "redemption_not_open"
    assert await balance(ann) == 250
    await app.projected()
    (listed,) = (await ann.get("/api/tokens/redemptions")).json()["items"]
    assert (listed["status"], listed["reason"]) == ("cancelled", "Lost in the post")
    assert problem(await move(root, "red_none", "fulfil"))["code"] == "not_found"
    assert check(app.services.database_url, ["redemptions"]).differences == ()


async def test_the_list_costs_as_much_for_three_hundred_rewards_as_for_three(
    app: Running, root: Caller, ann: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    course = Reward(title="A course", kind="premium_content", cost=10, course_id="crs_nowhere")
    shelf = {f"reward_{number}": (SHELF["plant_a_tree"], course)[number % 2] for number in range(300)}
    asked: list[str] = []
    state, execute = Store.state, AsyncConnection.execute

    async def counted_state(store: Store, decider: Any, stream: str) -> Any:
        asked.append("a stream")
        return await state(store, decider, stream)

    async def counted_execute(connection: Any, query: Any, *more: Any, **options: Any) -> Any:
        asked.append("a statement")
        return await execute(connection, query, *more, **options)

    monkeypatch.setattr(reads, "CHECK_AFTER_S", -1.0)  # each connection is asked whether it lives
    monkeypatch.setattr(Store, "state", counted_state)
    monkeypatch.setattr(AsyncConnection, "execute", counted_execute)
    costs = []
    for rewards in (dict(list(shelf.items())[:3]), shelf):
        app.replace(catalogue=replace(DEFAULT_CATALOGUE, rewards=rewards))
        assert len((await ann.get("/api/rewards")).json()["items"]) == len(rewards)
        costs.append(Counter(asked))
        asked.clear()
    app.replace(catalogue=replace(DEFAULT_CATALOGUE, rewards=SHELF))
    assert costs[0] == costs[1]


async def test_a_file_that_has_less_of_a_reward_than_is_taken_breaks_nothing(
    app: Running, root: Caller, ann: Caller
) -> None:
    """Nobody gets one more, and what was redeemed goes on as it was decided."""
    await give(root, ann, 200)
    shelf = {**SHELF, "mug": Reward(title="A mug", kind="merchandise", cost=50, stock=5, limit=4)}
    app.replace(catalogue=replace(DEFAULT_CATALOGUE, rewards=shelf))
    first, second = [(await redeem(ann, "mug")).json()["redemption_id"] for _ in range(2)]
    for changes in ({"stock": 1}, {"stock": 0}, {"limit": 1}):
        less = {**shelf, "mug": replace(shelf["mug"], **changes)}
        app.replace(catalogue=replace(DEFAULT_CATALOGUE, rewards=less))
        shown = await offered(app, ann, "mug")
        assert (shown["left"], shown["redeemed"]) == (3 if "limit" in changes else 0, 2)
        assert problem(await redeem(ann, "mug"))["code"] == shown["reason"]
    app.replace(catalogue=replace(DEFAULT_CATALOGUE, rewards=SHELF))
    assert problem(await redeem(ann, "mug"))["code"] == "not_found", "it is on the shelf no more"
    assert (await move(root, first, "fulfil")).json()["status"] == "fulfilled"
    assert (await move(root, second, "cancel", reason="No more mugs")).json()["status"] == "cancelled"
    assert await balance(ann) == 150


async def test_what_is_taken_is_what_it_cost_when_it_was_kept(
    app: Running, root: Caller, ann: Caller
) -> None:
    """Also where the price changes before the same request is sent again."""
    await give(root, ann, 300)
    key = new_id("key")
    first = (await redeem(ann, "plant_a_tree", key)).json()
    dearer = {**SHELF, "plant_a_tree": replace(SHELF["plant_a_tree"], cost=250)}
    app.replace(catalogue=replace(DEFAULT_CATALOGUE, rewards=dearer))
    assert (await redeem(ann, "plant_a_tree", key)).json() == first
    assert problem(await redeem(ann, "plant_a_tree"))["code"] == "insufficient_tokens"
    shown = {"reward_id": "plant_a_tree", "expected_cost": 100}
    refused = problem(await ann("POST", "/api/tokens/redeem", key=new_id("key"), json=shown))
    assert refused["code"] == "cost_changed"
    assert (await move(root, first["redemption_id"], "cancel", reason="By mistake")).status_code == 200
    app.replace(catalogue=replace(DEFAULT_CATALOGUE, rewards=SHELF))
    assert (first["cost"], await balance(ann)) == (100, 300)


async def test_ids_that_nobody_has_and_bodies_that_nobody_means_are_refused_in_words(
    app: Running, root: Caller, ann: Caller
) -> None:
    await app.projected()
    for redemption_id in ("red_none", "x" * 5_000, "%00", "red_%00", "..%2F..", "%F0%9F%8D%84"):
        for how, body in (("fulfil", {}), ("cancel", {"reason": "?"})):
            path = f"/api/tokens/redemptions/{redemption_id}/{how}"
            answer = await root("POST", path, key=new_id("key"), json=body)
            assert answer.status_code in {404, 422}, (redemption_id, answer.text)
            assert problem(answer)["detail"]
            refused = await ann("POST", path, key=new_id("key"), json=body)
            assert refused.status_code in {403, 404, 422}
    for reward_id in ("", "a\0b", "x" * 51, 7, None, "Plant_A_Tree", "plant_a_tree "):
        answer = await ann("POST", "/api/tokens/redeem", key=new_id("key"), json={"reward_id": reward_id})
        assert answer.status_code in {404, 422}, (reward_id, answer.text)
    assert (await ann("POST", "/api/tokens/redeem", json={"reward_id": "plant_a_tree"})).status_code == 400
    assert (await ann.get(f"/api/tokens/redemptions?user_id={root.user_id}")).status_code == 404
    assert (await ann.get("/api/tokens/redemptions/waiting")).status_code == 403
    service = app.caller("svc_1", "service")
    assert (await redeem(service, "plant_a_tree")).status_code == 403


async def test_a_redemption_that_is_cancelled_twice_at_once_gives_back_once(
    app: Running, root: Caller, ann: Caller
) -> None:
    await give(root, ann, 200)
    redemption_id = (await redeem(ann, "plant_a_tree")).json()["redemption_id"]
    answers = await asyncio.gather(
        *(move(root, redemption_id, "cancel", reason=f"Reason {number}") for number in range(8))
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 7
    assert await balance(ann) == 200


async def test_a_feature_that_is_given_back_while_it_is_used_ends_at_once_and_can_be_had_anew(
    app: Running, root: Caller, ann: Caller
) -> None:
    await give(root, ann, 50)
    redemption_id = (await redeem(ann, "friend_leaderboard_week")).json()["redemption_id"]
    await app.projected()
    assert (await ann.get("/api/leaderboard/friends")).status_code == 200
    assert (await move(root, redemption_id, "cancel", reason="By mistake")).status_code == 200
    assert (await ann.get("/api/leaderboard/friends")).status_code == 403
    await app.projected()
    assert (await offered(app, ann, "friend_leaderboard_week"))["available"]
    assert (await redeem(ann, "friend_leaderboard_week")).status_code == 201


async def test_what_was_redeemed_a_moment_ago_is_cancelled(root: Caller, ann: Caller) -> None:
    await give(root, ann, 200)
    redeemed = await redeem(ann, "sticker_set")
    undone = await move(root, redeemed.json()["redemption_id"], "cancel", reason="Not wanted")
    assert (undone.status_code, await balance(ann)) == (200, 200)


async def test_of_many_at_once_as_many_are_redeemed_as_the_balance_has(
    app: Running, root: Caller, ann: Caller
) -> None:
    await give(root, ann, 350)
    answers = await asyncio.gather(*(redeem(ann, "plant_a_tree") for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [201] * 3 + [409] * 5
    assert await balance(ann) == 50


async def test_the_last_item_goes_to_one_of_fifty(app: Running, root: Caller) -> None:
    users = [app.caller(new_id("usr"), "student") for _ in range(50)]
    await asyncio.gather(*(give(root, user, 50) for user in users))
    answers = await asyncio.gather(*(redeem(user, "last_one") for user in users))
    assert [answer.status_code for answer in answers].count(201) == 1
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"out_of_stock"}
    assert sorted(await asyncio.gather(*(balance(user) for user in users))) == [0] + [50] * 49


async def test_of_two_processes_one_has_the_last_item_and_what_a_killed_one_kept_is_delivered(
    app: Running, root: Caller, fake: FakeStripe
) -> None:
    """The second store holds the item and is gone before the tokens are taken; the outbox has the effect."""
    users = [app.caller(new_id("usr"), "student") for _ in range(10)]
    await asyncio.gather(*(give(root, user, 50) for user in users))
    reward_id = new_id("rwd")
    async with Store.open(app.services.database_url, schema=app.services.settings.schema) as other:
        stores = [app.services.store, other] * 5
        outcomes = await asyncio.gather(
            *(_held(store, reward_id, user) for store, user in zip(stores, users, strict=True))
        )
    (held,) = [outcome for outcome in outcomes if outcome is not None]
    (effect,) = react(held)
    assert isinstance(effect, SpendTokens)
    await app.services.submitter.submit(_command(reward_id, effect.user_id), _origin(effect.user_id))
    tools: Any = SimpleNamespace(store=app.services.store, clock=fake, catalogue=DEFAULT_CATALOGUE)
    first, again = [await redemptions.deliver(tools, effect, _origin("worker")) for _ in range(2)]
    assert first.outcome is not None
    assert again.outcome is not None, "who asks again is led on to what follows"
    assert again.outcome.recorded == first.outcome.recorded
    redeemed = await app.services.store.state(REWARD, stream_of(reward_id))
    assert [one.status for one in redeemed.redemptions.values()] == ["fulfilled"]
    assert sorted(await asyncio.gather(*(balance(user) for user in users))) == [0] + [50] * 9


def _origin(user_id: str) -> Origin:
    return Origin(actor=user_id, roles=frozenset({"student"}))


def _command(reward_id: str, user_id: str) -> RedeemReward:
    return RedeemReward(
        command_id=f"cmd_{reward_id}_{user_id}",
        effective_at=FakeStripe().now(),
        reward_id=reward_id,
        redemption_id=f"red_{user_id}",
        user_id=user_id,
        offer=Offer(kind="donation", cost=50, stock=1),
    )


async def _held(store: Store, reward_id: str, user: Caller) -> Any:
    try:
        outcome = await store.handle(_command(reward_id, user.user_id), _origin(user.user_id))
    except Refused:
        return None
    return outcome.recorded[0]
