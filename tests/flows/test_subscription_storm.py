"""One user subscribes from everywhere at once, at one service and at two on the same database."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from api.http.auth import mint
from api.settings import Settings
from tests.flows.chaos import City
from tests.service import eventually

pytestmark = pytest.mark.postgres

CLIENTS = 8
SLOW_S = 0.5
"""How long Stripe takes for a subscription, so that the others come while it is being made."""


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    with City(tmp_path_factory.mktemp("storm"), seed=0, nodes=2) as opened:
        yield opened


def headers(city: City, user: str, key: str) -> dict[str, str]:
    credential = mint(Settings(data_dir=city.data_dir), user, ["student"])
    return {"Authorization": f"Bearer {credential}", "Idempotency-Key": key}


async def subscribe(city: City, user: str, url: str, key: str, tier: str = "pro") -> httpx.Response:
    """Over a connection of its own."""
    body = {"tier": tier, "payment_method": "pm_card_visa"}
    async with httpx.AsyncClient(timeout=30, trust_env=False) as client:
        return await client.post(
            f"{url}/api/subscriptions/create", json=body, headers=headers(city, user, key)
        )


def slow_stripe(city: City) -> None:
    fault = {"kind": "slow", "method": "POST", "path": "/v1/subscriptions", "seconds": SLOW_S}
    city.stripe.control("POST", "/faults", fault)


async def at_stripe(city: City, user: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The user's subscriptions and charges."""
    await asyncio.to_thread(city.settle)
    customers = {
        customer["id"] for customer in city.stripe.all("customers") if customer["metadata"]["user_id"] == user
    }
    assert len(customers) == 1
    return (
        [one for one in city.stripe.all("subscriptions") if one["customer"] in customers],
        [one for one in city.stripe.all("charges") if one["customer"] in customers],
    )


@pytest.mark.parametrize("nodes", [1, 2])
async def test_subscribing_twice_at_once_is_one_subscription_and_one_charge(city: City, nodes: int) -> None:
    user = f"usr_{nodes}"
    slow_stripe(city)
    answers = await asyncio.gather(
        *(
            subscribe(
                city, user, city.urls[number % nodes], f"{user}-{number}", ("pro", "enterprise")[number]
            )
            for number in range(2)
        )
    )
    made, refused = sorted(answers, key=lambda answer: answer.status_code)
    assert (made.status_code, refused.status_code) == (201, 409)
    assert refused.json()["code"] == "subscription_exists"
    subscriptions, charges = await at_stripe(city, user)
    assert [one["metadata"]["subscription_id"] for one in subscriptions] == [made.json()["subscription_id"]]
    assert [charge["amount"] for charge in charges] == [made.json()["price_minor"]]
    items = city.node.service.get("/api/invoices", user_id=user)["items"]
    assert [(item["status"], item["total_minor"]) for item in items] == [("paid", made.json()["price_minor"])]


async def test_one_key_from_many_clients_is_one_subscription_and_one_answer(city: City) -> None:
    slow_stripe(city)
    answers = await asyncio.gather(
        *(subscribe(city, "usr_same", city.urls[number % 2], "same") for number in range(CLIENTS))
    )
    assert {answer.status_code for answer in answers} in ({201}, {202}), "202 where Stripe took too long"
    assert len({answer.content for answer in answers}) == 1
    subscriptions, charges = await at_stripe(city, "usr_same")
    assert (len(subscriptions), len(charges)) == (1, 1)


async def test_two_trials_at_once_are_one(city: City) -> None:
    """The second comes after the first was canceled: the trial is used."""
    first = {"tier": "pro", "payment_method": "pm_card_visa", "trial": True}
    node = city.node.service
    made = [node.post("/api/subscriptions/create", first, user="usr_trial") for _ in range(2)]
    assert [answer.status_code for answer in made] == [201, 409]
    assert made[0].json()["status"] == "trialing"
    canceled = node.post("/api/subscriptions/cancel", {"at_once": True}, user="usr_trial")
    assert canceled.json()["status"] == "canceled", canceled.text
    again = eventually(lambda: node.post("/api/subscriptions/create", first, user="usr_trial"))
    assert (again.status_code, again.json()["code"]) == (409, "trial_used")
    assert (await at_stripe(city, "usr_trial"))[1] == []
