"""kill -9 in the middle of a purchase, and of its reversal, right before each fact of the chain.

The ledger itself holds the process at the point: a trigger waits where the fact is to be written, and the
process is killed there. What it had asked to be written goes with it. After a restart all is done, and once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import httpx
import psycopg
import pytest

from tests.flows import market
from tests.flows.chaos import City
from tests.flows.chaos_audit import sound
from tests.flows.killing import killed_before

pytestmark = pytest.mark.postgres

PURCHASE = (
    "enrolments.reserved.v1",
    "payments.initiated.v1",
    "payments.succeeded.v1",
    "enrolments.activated.v1",
    "payments.settled.v1",
    "earnings.accrued.v1",
)
REVERSAL = (
    "enrolments.return_requested.v1",
    "payments.refund_requested.v1",
    "payments.refund_succeeded.v1",
    "enrolments.revoked.v1",
)
LICENCE = ("payments.initiated.v1", "licences.issued.v1")
"""The two steps between the streams: what lies within one is as with a course."""
UNDOING = ("payments.refund_failed.v1", "enrolments.restored.v1")


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    with City(tmp_path_factory.mktemp("cut"), seed=0) as opened:
        yield opened


@pytest.fixture(scope="module")
def course_id(city: City) -> str:
    return market.course(city.node.service)


@pytest.fixture(scope="module")
def owner(city: City) -> Iterator[psycopg.Connection[Any]]:
    with city.database() as conn:
        yield conn


def test_a_purchase_that_is_killed_at_any_step_is_made_once(
    city: City, course_id: str, owner: psycopg.Connection[Any]
) -> None:
    buyers = {kind: f"usr_bought_{number}" for number, kind in enumerate(PURCHASE)}
    for kind, user in buyers.items():
        killed_before(city, owner, kind, partial(buy, city, course_id, user))
        repeated = buy(city, course_id, user)
        assert repeated.status_code in {201, 202}, repeated.text
    city.settle(catch_up=False)
    for user in buyers.values():
        done = buy(city, course_id, user)
        assert (done.status_code, done.json()["enrolment"]["status"]) == (201, "active")
        assert charges(city, user) == [4900]
        assert statuses(city, user) == ["active"]
    assert sound(city) == []


def test_a_return_that_is_killed_at_any_step_is_made_once(
    city: City, course_id: str, owner: psycopg.Connection[Any]
) -> None:
    paid = bought(city, course_id, "returned", REVERSAL)
    for kind, (user, payment_id) in paid.items():
        killed_before(city, owner, kind, partial(give_back, city, payment_id, user))
        repeated = give_back(city, payment_id, user)
        assert repeated.status_code in {201, 202}, repeated.text
    city.settle(catch_up=False)
    for user, payment_id in paid.values():
        assert statuses(city, user) == ["revoked"]
        came_to(city, payment_id, user, "done")
    assert sound(city) == []


def test_a_refund_that_fails_later_and_is_killed_at_any_step_is_undone_once(
    city: City, course_id: str, owner: psycopg.Connection[Any]
) -> None:
    paid = bought(city, course_id, "undone", UNDOING)
    for kind, (user, payment_id) in paid.items():
        assert give_back(city, payment_id, user).status_code == 201
        killed_before(city, owner, kind, partial(fail_refund, city, payment_id))
    city.settle(catch_up=False)
    for user, payment_id in paid.values():
        assert statuses(city, user) == ["active"]
        came_to(city, payment_id, user, "undone")
    assert sound(city) == []


def test_a_licence_that_is_bought_is_issued_and_charged_once_wherever_it_is_killed(
    city: City, owner: psycopg.Connection[Any]
) -> None:
    organisations = {kind: organisation(city, f"usr_manager_{number}") for number, kind in enumerate(LICENCE)}
    for kind, (user, org_id) in organisations.items():
        killed_before(city, owner, kind, partial(buy_licence, city, org_id, user))
        repeated = buy_licence(city, org_id, user)
        assert repeated.status_code in {201, 202}, repeated.text
    city.settle(catch_up=False)
    for user, org_id in organisations.values():
        done = buy_licence(city, org_id, user)
        assert (done.status_code, done.json()["invoice"]["open_minor"]) == (201, 0)
        assert charges(city, user) == [99_000]
    assert sound(city) == []


def bought(city: City, course_id: str, name: str, kinds: Sequence[str]) -> dict[str, tuple[str, str]]:
    """A buyer and a payment for each kind of fact; settled, so that all is in the books."""
    users = {kind: f"usr_{name}_{number}" for number, kind in enumerate(kinds)}
    paid = {
        kind: (user, buy(city, course_id, user).json()["payment"]["payment_id"])
        for kind, user in users.items()
    }
    city.settle(catch_up=False)
    return paid


def came_to(city: City, payment_id: str, user: str, state: str) -> None:
    """One refund at Stripe and here, each step of which is so; and its request tells of the same one."""
    [refund] = city.node.service.get(f"/api/payments/{payment_id}")["refunds"]
    assert len(refunds(city, payment_id)) == 1
    steps = {one["step"]: one["state"] for one in city.node.service.get(refund["url"])["steps"]}
    assert (steps["money"], steps["access"], steps["share"]) == (state, state, state)
    again = give_back(city, payment_id, user).json()
    assert (again.get("refund") or again)["refund_id"] == refund["refund_id"]


def buy(city: City, course_id: str, user: str) -> httpx.Response:
    return market.buy(city.node.service, course_id, user)


def organisation(city: City, user: str) -> tuple[str, str]:
    """Its owner, and its id."""
    body = {"name": "Lakeside", "owner_id": user}
    made = city.node.service.post(
        "/api/enterprise/organisations", body, user="usr_root", role="admin", key=user
    )
    return user, made.json()["org_id"]


def buy_licence(city: City, org_id: str, user: str) -> httpx.Response:
    body = {"org_id": org_id, "tier": "starter", "payment_method": "pm_card_visa"}
    path = "/api/enterprise/licenses/purchase"
    return city.node.service.post(path, body, user=user, role="enterprise", key="buy")


def give_back(city: City, payment_id: str, user: str) -> httpx.Response:
    body = {"payment_id": payment_id}
    return city.node.service.post("/api/payments/refund", body, user=user, key="give back")


def fail_refund(city: City, payment_id: str) -> None:
    [refund] = refunds(city, payment_id)
    city.stripe.control("POST", f"/refunds/{refund['id']}/end", {"outcome": "failed"})


def refunds(city: City, payment_id: str) -> list[dict[str, Any]]:
    return [one for one in city.stripe.all("refunds") if one["metadata"]["payment_id"] == payment_id]


def charges(city: City, user: str) -> list[int]:
    """What Stripe captured of that user's, and how often."""
    return [
        one["amount"]
        for one in city.stripe.all("charges")
        if one["status"] == "succeeded" and one["metadata"].get("user_id") == user
    ]


def statuses(city: City, user: str) -> list[str]:
    found = city.node.service.get("/api/enrolments", user=user, role="student")["items"]
    return [one["status"] for one in found]
