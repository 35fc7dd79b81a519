from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
import stripe

START = int(datetime(2027, 1, 31, 10, tzinfo=UTC).timestamp())
DAY_S = 86_400


@pytest.fixture
def clock(client: stripe.StripeClient) -> Any:
    return client.v1.test_helpers.test_clocks.create({"frozen_time": START, "name": "months"})


@pytest.fixture
def advance(client: stripe.StripeClient, clock: Any, until: Any) -> Any:
    def to(moment: int) -> None:
        answered = client.v1.test_helpers.test_clocks.advance(clock.id, {"frozen_time": moment})
        assert answered.status == "advancing"
        until(lambda: client.v1.test_helpers.test_clocks.retrieve(clock.id).status == "ready")

    return to


def test_a_customer_lives_in_the_time_of_its_clock(
    client: stripe.StripeClient, clock: Any, advance: Any, price: Any, control: Any
) -> None:
    before = control.get("/clock")["now"]
    customer = client.v1.customers.create({"test_clock": clock.id})
    method = client.v1.payment_methods.attach("pm_card_visa", {"customer": customer.id}).id
    made = client.v1.subscriptions.create(
        {"customer": customer.id, "items": [{"price": price()}], "default_payment_method": method}
    )
    assert (customer.created, made.created, made.test_clock) == (START, START, clock.id)
    advance(int(datetime(2027, 4, 30, 10, tzinfo=UTC).timestamp()))
    invoices = client.v1.invoices.list({"customer": customer.id}).data
    days = [datetime.fromtimestamp(invoice.created, UTC).strftime("%m-%d") for invoice in invoices]
    assert days == ["04-30", "03-31", "02-28", "01-31"]
    assert {invoice.status for invoice in invoices} == {"paid"}
    assert control.get("/clock")["now"] < before + DAY_S
    recent: Any = {"created": {"gte": START + 80 * DAY_S}}
    assert [found.id for found in client.v1.invoices.list(recent).data] == [invoices[0].id]
    with pytest.raises(stripe.InvalidRequestError, match="must be after"):
        client.v1.test_helpers.test_clocks.advance(clock.id, {"frozen_time": START})


def test_a_deleted_clock_takes_its_customers_along(
    client: stripe.StripeClient, clock: Any, price: Any
) -> None:
    customer = client.v1.customers.create({"test_clock": clock.id})
    other = client.v1.customers.create()
    made = client.v1.subscriptions.create(
        {"customer": customer.id, "items": [{"price": price()}], "trial_period_days": 7}
    )
    assert client.v1.test_helpers.test_clocks.delete(clock.id).deleted
    assert client.v1.subscriptions.retrieve(made.id).status == "canceled"
    assert [found.id for found in client.v1.customers.list().data] == [other.id]
    assert client.v1.test_helpers.test_clocks.list().data == []
    kinds = [event.type for event in client.v1.events.list({"type": "test_helpers.*"}).data]
    assert kinds == ["test_helpers.test_clock.deleted", "test_helpers.test_clock.created"]


def test_many_subscribers_renew_for_a_year(
    client: stripe.StripeClient, subscribe: Any, frozen: int, control: Any
) -> None:
    made = subscribe()
    for _ in range(20):
        client.v1.subscriptions.create(
            {"customer": made["customer"], "items": [{"price": made["items"]["data"][0]["price"]["id"]}]}
        )
    control.post("/clock/advance", seconds=365 * DAY_S)
    paid = list(client.v1.invoices.list({"limit": 100, "status": "paid"}).auto_paging_iter())
    assert len(paid) == 21 * 13
    assert client.v1.invoices.list({"status": "open"}).data == []
    numbers = {str(invoice.number) for invoice in paid}
    assert len(numbers) == len(paid)
