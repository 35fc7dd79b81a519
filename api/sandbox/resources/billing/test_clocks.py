"""Test clocks: customers made with one live in its time, which stands still until it is advanced.
https://docs.stripe.com/billing/testing/test-clocks

Where the sandbox differs: only what billing does follows a customer's test clock. Events, idempotency keys
and the availability of funds go by the sandbox's own clock, so that the order of events is that of their
making.
"""

from __future__ import annotations

from typing import ClassVar

from msgspec import UNSET

from api.sandbox.errors import Object, StripeError, invalid
from api.sandbox.forms import Params
from api.sandbox.lists import TEST_CLOCK, ListParams, page
from api.sandbox.registry import NoParams, Resource, Route
from api.sandbox.resources import customers
from api.sandbox.resources.common import Text, given, retrieve
from api.sandbox.transaction import Transaction

KEPT_S = 30 * 86_400


class Create(Params, frozen=True, kw_only=True):
    longest: ClassVar = {"name": 300}

    frozen_time: int
    name: Text = UNSET


class Advance(Params, frozen=True, kw_only=True):
    frozen_time: int


def enter(tx: Transaction, owner: Object) -> None:
    """From here on it is the time of the customer, subscription or invoice `owner`."""
    clock_id = owner.get("test_clock")
    if clock_id and tx.clock != clock_id:
        tx.live_in(clock_id, tx.get(TEST_CLOCK, clock_id)["frozen_time"])


def create(tx: Transaction, params: Create) -> Object:
    made = tx.add(
        {
            "id": tx.new_id("clock_"),
            "object": TEST_CLOCK,
            "created": tx.now,
            "deletes_after": tx.now + KEPT_S,
            "frozen_time": params.frozen_time,
            "livemode": False,
            "name": given(params.name),
            "status": "ready",
            "status_details": {},
        }
    )
    tx.emit("test_helpers.test_clock.created", made)
    return made


def advance(tx: Transaction, clock_id: str, params: Advance) -> Object:
    """Answers at once, as Stripe does; the clock is `ready` again when all was done."""
    clock = tx.get(TEST_CLOCK, clock_id, param="test_clock")
    if clock["status"] != "ready":
        raise StripeError("The test clock is already advancing; wait until it is ready.")
    if params.frozen_time <= clock["frozen_time"]:
        raise invalid(
            f"frozen_time must be after the test clock's current time, {clock['frozen_time']}.",
            param="frozen_time",
        )
    details = {"advancing": {"target_frozen_time": params.frozen_time}}
    clock = tx.update(clock, status="advancing", status_details=details)
    tx.emit("test_helpers.test_clock.advancing", clock)
    tx.later(tx.now, "advance_test_clock", clock_id)
    return clock


def reach(tx: Transaction, clock_id: str) -> None:
    """Do what falls due on the way. Each moment is committed by itself, before this transaction."""
    clock = tx.find(clock_id)
    if clock is None or clock.get("deleted") or clock["status"] != "advancing":
        return
    target = clock["status_details"]["advancing"]["target_frozen_time"]
    tx.world.run_jobs(clock_id, target)
    clock = tx.update(clock, status="ready", status_details={}, frozen_time=target)
    tx.emit("test_helpers.test_clock.ready", clock)


def delete(tx: Transaction, clock_id: str, _: NoParams) -> Object:
    """Its customers go with it, and their subscriptions end."""
    clock = tx.get(TEST_CLOCK, clock_id, param="test_clock")
    for customer in tx.all("customer", "test_clock", clock_id):
        if not customer.get("deleted"):
            customers.delete(tx, customer["id"], NoParams())
    tx.emit("test_helpers.test_clock.deleted", clock)
    return tx.replace({"id": clock_id, "object": TEST_CLOCK, "deleted": True})


def listing(tx: Transaction, params: ListParams) -> Object:
    return page(tx, TEST_CLOCK, "/v1/test_helpers/test_clocks", params)


RESOURCE = Resource(
    kind=TEST_CLOCK,
    routes=(
        Route("POST", "/v1/test_helpers/test_clocks", create, Create),
        Route("GET", "/v1/test_helpers/test_clocks", listing, ListParams),
        retrieve(TEST_CLOCK, "/v1/test_helpers/test_clocks/{id}", "test_clock"),
        Route("POST", "/v1/test_helpers/test_clocks/{id}/advance", advance, Advance),
        Route("DELETE", "/v1/test_helpers/test_clocks/{id}", delete),
    ),
    jobs={"advance_test_clock": reach},
)
