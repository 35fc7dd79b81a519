"""Tokens spent from everywhere at once at two services on one database, and services killed in between."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import httpx
import msgspec
import psycopg
import pytest
from msgspec.structs import replace

from ledger.catalogue import DEFAULT_CATALOGUE
from ledger.shelf import Reward
from tests.flows import market
from tests.flows.chaos import City
from tests.flows.chaos_audit import sound
from tests.flows.killing import killed_before

pytestmark = pytest.mark.postgres

COST, TIMES, CROWD = 100, 20, 50
CHAIN = (
    "redemptions.held.v1",
    "tokens.redeemed.v1",
    "redemptions.confirmed.v1",
    "enrolments.activated.v1",
    "redemptions.fulfilled.v1",
)
UNDOING = ("redemptions.cancelled.v1", "tokens.restored.v1", "enrolments.revoked.v1")


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    """With a shelf of its own, on which is a course of its own."""
    folder = tmp_path_factory.mktemp("spent")
    with City(folder, seed=0, nodes=2) as opened:
        course_id = market.course(opened.node.service)
        shelf = {
            "tree": Reward(title="A tree", kind="donation", cost=COST),
            "last_one": Reward(title="The last one", kind="merchandise", cost=COST, stock=1),
            "course": Reward(title="A course", kind="premium_content", cost=COST, course_id=course_id),
        }
        file = folder / "plans.json"
        file.write_bytes(msgspec.json.encode(replace(DEFAULT_CATALOGUE, rewards=shelf)))
        for node in opened.nodes:
            node.kill()
            node.env["LIBERATION_CATALOGUE"] = str(file)
            node.env["LIBERATION_DELIVER_INLINE_TIMEOUT_S"] = "60"  # no answer is cut short
        for node in opened.nodes:
            node.start()
        yield opened


@pytest.fixture(scope="module")
def owner(city: City) -> Iterator[psycopg.Connection[Any]]:
    with city.database() as conn:
        yield conn


def test_of_many_redemptions_by_one_user_as_many_are_made_as_the_balance_has(city: City) -> None:
    give(city, "usr_ann", 350)
    with ThreadPoolExecutor(TIMES) as tabs:
        answers = list(tabs.map(lambda number: redeem(city, "tree", "usr_ann", number), range(TIMES)))
    assert Counter(one.status_code for one in answers) == {201: 3, 409: TIMES - 3}
    assert {one.json()["code"] for one in answers if one.status_code == 409} == {"insufficient_tokens"}
    assert balance(city, "usr_ann") == 50
    city.settle(catch_up=False)
    assert Counter(statuses(city, "usr_ann")) == {"fulfilled": 3, "released": TIMES - 3}


def test_the_last_item_that_fifty_want_goes_to_one_and_nobody_else_pays(city: City) -> None:
    crowd = [f"usr_wants_{number}" for number in range(CROWD)]
    for user in crowd:
        give(city, user)
    with ThreadPoolExecutor(CROWD) as tabs:
        answers = list(tabs.map(lambda of: redeem(city, "last_one", of[1], of[0]), enumerate(crowd)))
    assert Counter(one.status_code for one in answers) == {201: 1, 409: CROWD - 1}
    assert {one.json()["code"] for one in answers if one.status_code == 409} == {"out_of_stock"}
    city.settle(catch_up=False)
    left = [balance(city, user) for user in crowd]
    assert Counter(left) == {0: 1, COST: CROWD - 1}
    assert [one.status_code for one in answers].index(201) == left.index(0)


def test_a_redemption_that_is_killed_at_any_step_is_made_once(
    city: City, owner: psycopg.Connection[Any]
) -> None:
    users = {kind: f"usr_killed_{number}" for number, kind in enumerate(CHAIN)}
    for kind, user in users.items():
        give(city, user)
        killed_before(city, owner, kind, partial(redeem, city, "course", user))
        repeated = redeem(city, "course", user)
        assert repeated.status_code == 201, repeated.text
    city.settle(catch_up=False)
    for user in users.values():
        assert (statuses(city, user), balance(city, user), enrolled(city, user)) == (
            ["fulfilled"],
            0,
            ["active"],
        )
    assert sound(city) == []


def test_a_cancellation_that_is_killed_at_any_step_is_made_once(
    city: City, owner: psycopg.Connection[Any]
) -> None:
    users = {kind: f"usr_undone_{number}" for number, kind in enumerate(UNDOING)}
    redeemed = {}
    for user in users.values():
        give(city, user)
        redeemed[user] = redeem(city, "course", user).json()["redemption_id"]
    city.settle(catch_up=False)
    for kind, user in users.items():
        killed_before(city, owner, kind, partial(cancel, city, redeemed[user]))
        repeated = cancel(city, redeemed[user])
        assert repeated.status_code == 200, repeated.text
    city.settle(catch_up=False)
    for user in users.values():
        assert (statuses(city, user), balance(city, user), enrolled(city, user)) == (
            ["cancelled"],
            COST,
            ["revoked"],
        )
    assert sound(city) == []


def give(city: City, user: str, amount: int = COST) -> None:
    body = {"user_id": user, "amount": amount, "reason": "For answers"}
    done = city.node.service.post("/api/tokens/award", body, user="usr_root", role="admin", key=user)
    assert done.status_code == 201, done.text


def redeem(city: City, reward_id: str, user: str, number: int = 0) -> httpx.Response:
    """The how manyth, at one service or the other."""
    service = city.nodes[number % 2].service
    return service.post("/api/tokens/redeem", {"reward_id": reward_id}, user=user, key=f"tab {number}")


def cancel(city: City, redemption_id: str) -> httpx.Response:
    path, body = f"/api/tokens/redemptions/{redemption_id}/cancel", {"reason": "By mistake"}
    return city.node.service.post(path, body, user="usr_root", role="admin", key=redemption_id)


def balance(city: City, user: str) -> int:
    found: int = city.node.service.get("/api/tokens/balance", user=user, role="student")["balance"]
    return found


def statuses(city: City, user: str) -> list[str]:
    found = city.node.service.get("/api/tokens/redemptions", user=user, role="student", limit="100")["items"]
    return [one["status"] for one in found]


def enrolled(city: City, user: str) -> list[str]:
    found = city.node.service.get("/api/enrolments", user=user, role="student")["items"]
    return [one["status"] for one in found]
