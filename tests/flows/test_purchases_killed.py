"""kill -9 in the middle of a purchase, and of its reversal, right before each fact of the chain.

The ledger itself holds the process at the point: a trigger waits where the fact is to be written, and the
process is killed there. What it had asked to be written goes with it. After a restart all is done, and once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

import httpx
import psycopg
import pytest

from tests.flows import market
from tests.flows.chaos import City
from tests.flows.chaos_audit import sound
from tests.service import eventually

pytestmark = pytest.mark.postgres

LOCK = 4711
_HOLD = """
    CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN PERFORM pg_advisory_xact_lock({lock}); RETURN NEW; END';
    CREATE TRIGGER hold BEFORE INSERT ON {schema}.events FOR EACH ROW WHEN (NEW.type = '{type}')
        EXECUTE FUNCTION hold();
"""
_LET_GO = "DROP FUNCTION hold() CASCADE"
_HELD = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objid = {lock} AND NOT granted"

PURCHASE = (
    "enrolments.reserved.v1",
    "payments.initiated.v1",
    "payments.succeeded.v1",
    "enrolments.activated.v1",
    "payments.settled.v1",
)
REVERSAL = (
    "enrolments.return_requested.v1",
    "payments.refund_requested.v1",
    "payments.refund_succeeded.v1",
    "enrolments.revoked.v1",
)
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


def killed_before(city: City, conn: psycopg.Connection[Any], kind: str, act: Callable[[], object]) -> None:
    """The service dies as it writes a fact of that kind, which `act` leads to, and is started again."""
    with _holding(conn, kind):
        asking = threading.Thread(target=_quietly, args=(act,))
        asking.start()
        eventually(lambda: _held(conn))
        city.node.kill()
        for pid in _held(conn):
            conn.execute("SELECT pg_terminate_backend(%s)", (pid,))
        eventually(lambda: not _held(conn))
        asking.join()
    city.node.start()


@contextmanager
def _holding(conn: psycopg.Connection[Any], kind: str) -> Iterator[None]:
    conn.execute("SELECT pg_advisory_lock(%s)", (LOCK,))
    conn.execute(_HOLD.format(lock=LOCK, schema="liberation", type=kind).encode())
    try:
        yield
    finally:
        conn.execute(_LET_GO)
        conn.execute("SELECT pg_advisory_unlock(%s)", (LOCK,))


def _held(conn: psycopg.Connection[Any]) -> list[int]:
    return [row[0] for row in conn.execute(_HELD.format(lock=LOCK).encode())]


def _quietly(act: Callable[[], object]) -> None:
    """Nobody is there any more who could answer."""
    with suppress(httpx.TransportError):
        act()


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


def test_a_return_that_is_killed_at_any_step_is_made_once_and_can_be_undone(
    city: City, course_id: str, owner: psycopg.Connection[Any]
) -> None:
    buyers = {kind: f"usr_returned_{number}" for number, kind in enumerate((*REVERSAL, *UNDOING))}
    paid = {user: buy(city, course_id, user).json()["payment"]["payment_id"] for user in buyers.values()}
    city.settle(catch_up=False)
    for kind in REVERSAL:
        user = buyers[kind]
        killed_before(city, owner, kind, partial(give_back, city, paid[user], user))
        repeated = give_back(city, paid[user], user)
        assert repeated.status_code in {201, 202}, repeated.text
    for kind in UNDOING:
        user = buyers[kind]
        assert give_back(city, paid[user], user).status_code == 201
        killed_before(city, owner, kind, partial(fail_refund, city, paid[user]))
    city.settle(catch_up=False)
    for kind, user in buyers.items():
        undone = kind in UNDOING
        assert statuses(city, user) == ["active" if undone else "revoked"]
        done = give_back(city, paid[user], user)
        [refund] = city.node.service.get(f"/api/payments/{paid[user]}")["refunds"]
        assert (done.status_code, done.json()["refund_id"]) == (201, refund["refund_id"])
        steps = {one["step"]: one["state"] for one in city.node.service.get(refund["url"])["steps"]}
        came_to = "undone" if undone else "done"
        assert (steps["money"], steps["access"], steps["share"]) == (came_to, came_to, came_to)
    assert len(city.stripe.all("refunds")) == len(buyers)
    assert sound(city) == []


def buy(city: City, course_id: str, user: str) -> httpx.Response:
    return market.buy(city.node.service, course_id, user)


def give_back(city: City, payment_id: str, user: str) -> httpx.Response:
    body = {"payment_id": payment_id}
    return city.node.service.post("/api/payments/refund", body, user=user, key="give back")


def fail_refund(city: City, payment_id: str) -> None:
    [refund] = [one for one in city.stripe.all("refunds") if one["metadata"]["payment_id"] == payment_id]
    city.stripe.control("POST", f"/refunds/{refund['id']}/end", {"outcome": "failed"})


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
