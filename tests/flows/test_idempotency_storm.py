"""The same request from everywhere at once, over HTTP, at one service and at two on the same database."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import httpx
import pytest

from api.http.auth import mint
from api.settings import Settings
from tests.flows.chaos import City

pytestmark = pytest.mark.postgres

CLIENTS = 20
REFUNDS = 64
SLOW_S = 0.5
"""How long Stripe takes for the first charge, so that the others come while it is under way."""


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    with City(tmp_path_factory.mktemp("storm"), seed=0, nodes=2) as opened:
        yield opened


class Client:
    """Each request has a connection of its own."""

    def __init__(self, city: City, user: str = "usr_1") -> None:
        self._credential = f"Bearer {mint(Settings(data_dir=city.data_dir), user, ['student'])}"

    async def post(self, url: str, path: str, key: str, body: dict[str, Any]) -> httpx.Response:
        headers = {"Authorization": self._credential, "Idempotency-Key": key}
        async with httpx.AsyncClient(timeout=30, trust_env=False) as client:
            return await client.post(f"{url}/api/payments/{path}", json=body, headers=headers)

    async def pay(self, url: str, key: str, **more: Any) -> httpx.Response:
        body = {"amount_minor": 10_000, "currency": "usd", "payment_method": "pm_card_visa"}
        return await self.post(url, "process", key, {**body, "description": key, **more})


def slow_stripe(city: City) -> None:
    fault = {"kind": "slow", "method": "POST", "path": "/v1/payment_intents", "seconds": SLOW_S}
    city.stripe.control("POST", "/faults", fault)


def charges_of(city: City, key: str) -> list[dict[str, Any]]:
    return [charge for charge in city.stripe.all("charges") if charge["description"] == key]


def spread(urls: Sequence[str], count: int) -> list[str]:
    return [urls[number % len(urls)] for number in range(count)]


@pytest.mark.parametrize("nodes", [1, 2])
async def test_one_key_from_twenty_clients_is_one_charge_and_one_answer(city: City, nodes: int) -> None:
    key, client = f"storm of {nodes}", Client(city)
    slow_stripe(city)
    answers = await asyncio.gather(
        *(client.pay(url, key) for url in spread(city.urls[:nodes], CLIENTS)),
    )
    assert Counter(answer.status_code for answer in answers) == {201: CLIENTS}
    assert len({answer.content for answer in answers}) == 1
    assert Counter(answer.headers.get("Idempotent-Replayed") for answer in answers) == {
        None: 1,
        "true": CLIENTS - 1,
    }
    assert len({answer.headers["Ledger-Position"] for answer in answers}) == 1
    assert [charge["amount"] for charge in charges_of(city, key)] == [10_000]


async def test_one_key_with_another_body_is_refused_wherever_it_comes(city: City) -> None:
    key, client = "two bodies", Client(city)
    slow_stripe(city)
    answers = await asyncio.gather(
        *(
            client.pay(url, key, amount_minor=10_000 + number % 2)
            for number, url in enumerate(spread(city.urls, CLIENTS))
        )
    )
    later = [await client.pay(url, key, amount_minor=55) for url in city.urls]
    by_status = {status: [a for a in answers if a.status_code == status] for status in (201, 422)}
    assert [len(found) for found in by_status.values()] == [CLIENTS // 2, CLIENTS // 2]
    assert len({answer.content for answer in by_status[201]}) == 1
    codes = [answer.json()["code"] for answer in [*by_status[422], *later]]
    assert set(codes) == {"idempotency_mismatch"}
    assert [answer.status_code for answer in later] == [422, 422]
    assert len(charges_of(city, key)) == 1


async def test_the_same_key_of_another_user_is_another_request(city: City) -> None:
    answers = [await Client(city, user).pay(city.urls[0], "shared") for user in ("usr_1", "usr_2")]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert len({answer.json()["payment_id"] for answer in answers}) == 2


async def test_refunds_at_once_never_give_back_more_than_was_captured(city: City) -> None:
    client = Client(city)
    paid = (await client.pay(city.urls[0], "to be refunded")).json()
    body = {"payment_id": paid["payment_id"], "amount_minor": 300}
    answers = await asyncio.gather(
        *(
            client.post(url, "refund", f"refund {number}", body)
            for number, url in enumerate(spread(city.urls, REFUNDS))
        )
    )
    made = [answer.json() for answer in answers if answer.status_code in {201, 202}]
    refused = [answer.json()["code"] for answer in answers if answer.status_code not in {201, 202}]
    assert len(made) == 33
    assert len({refund["refund_id"] for refund in made}) == 33
    assert set(refused) == {"refund_exceeds_remainder"}
    await asyncio.to_thread(city.settle, catch_up=False)
    (charge,) = charges_of(city, "to be refunded")
    assert charge["amount_refunded"] == 33 * 300
    detail = city.node.service.get(f"/api/payments/{paid['payment_id']}")
    assert (detail["refunded_minor"], detail["refund_pending_minor"]) == (33 * 300, 0)
