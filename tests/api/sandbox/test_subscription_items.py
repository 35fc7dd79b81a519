"""How many of what: quantities and several items of a subscription, as one item and as a whole."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import stripe

from tests.api.sandbox.test_proration import DAY_S, MONTH_S


def lines(invoice: Any) -> list[tuple[int, int]]:
    return [(line["amount"], line["quantity"]) for line in invoice["lines"]["data"]]


def test_a_quantity_is_charged_with_the_first_invoice(
    client: stripe.StripeClient, subscribe: Any, price: Any
) -> None:
    made = subscribe(items=[{"price": price(2_000), "quantity": 3}, {"price": price(500)}])
    assert lines(made["latest_invoice"]) == [(6_000, 3), (500, 1)]
    assert [item["quantity"] for item in made["items"]["data"]] == [3, 1]


def test_another_quantity_is_prorated_as_previewed_and_kept_when_the_price_changes(
    client: stripe.StripeClient, subscribe: Any, price: Any, frozen: int, control: Any
) -> None:
    made = subscribe()
    item = made["items"]["data"][0]["id"]
    control.post("/clock/set", now=frozen + 10 * DAY_S, frozen=True)
    wish: Any = {"items": [{"id": item, "quantity": 3}], "proration_behavior": "always_invoice"}
    seen = client.v1.invoices.create_preview(
        {"subscription": made["id"], "subscription_details": wish}
    ).to_dict()
    updated = client.v1.subscription_items.update(
        item, {"quantity": 3, "proration_behavior": "always_invoice"}
    )
    assert updated.quantity == 3
    invoice = client.v1.invoices.list({"subscription": made["id"], "limit": 1}).data[0].to_dict()
    left = MONTH_S - 10 * DAY_S
    credit, charge = (int(full * left / MONTH_S + 0.5) for full in (2_000, 6_000))
    assert lines(seen) == lines(invoice) == [(-credit, 1), (charge, 3)]
    client.v1.subscription_items.update(item, {"price": price(5_000)})
    assert client.v1.subscription_items.retrieve(item).to_dict()["quantity"] == 3


def test_an_item_is_added_and_taken_away_and_what_that_comes_to_waits(
    client: stripe.StripeClient, subscribe: Any, price: Any, seen: Any
) -> None:
    made = subscribe()
    seen()
    params: Any = {"subscription": made["id"], "price": price(500), "quantity": 2}
    added = client.v1.subscription_items.create(params)
    listed = client.v1.subscription_items.list({"subscription": made["id"]}).data
    assert [item.id for item in listed] == [made["items"]["data"][0]["id"], added.id]
    waiting = client.v1.invoice_items.list({"customer": made["customer"], "pending": True}).data
    assert [item.amount for item in waiting] == [1_000]
    gone = client.v1.subscription_items.delete(added.id, {"proration_behavior": "none"}).to_dict()
    assert gone == {"id": added.id, "object": "subscription_item", "deleted": True}
    with pytest.raises(stripe.InvalidRequestError, match="No such subscription_item"):
        client.v1.subscription_items.retrieve(added.id)
    assert seen().count("customer.subscription.updated") == 2


def test_what_makes_no_subscription_is_refused(
    client: stripe.StripeClient, subscribe: Any, price: Any
) -> None:
    made = subscribe()
    item = made["items"]["data"][0]["id"]
    changes: tuple[Callable[[], object], ...] = (
        lambda: client.v1.subscription_items.delete(item),
        lambda: client.v1.subscription_items.update(item, {"quantity": -1}),
        lambda: client.v1.subscription_items.create({"subscription": made["id"], "price": price(2_000)}),
        lambda: client.v1.subscription_items.create(
            {"subscription": made["id"], "price": price(2_000, "year")}
        ),
        lambda: client.v1.subscription_items.update("si_unknown", {"quantity": 2}),
    )
    for change in changes:
        with pytest.raises(stripe.InvalidRequestError):
            change()
    assert client.v1.subscription_items.retrieve(item).quantity == 1


def test_an_item_shows_its_price_as_it_is_now(
    client: stripe.StripeClient, subscribe: Any, price: Any
) -> None:
    made = subscribe()
    client.v1.prices.update(price(2_000), {"metadata": {"tier": "pro"}})
    shown = client.v1.subscriptions.retrieve(made["id"]).to_dict()
    assert shown["items"]["data"][0]["price"]["metadata"] == {"tier": "pro"}
    item: Any = client.v1.subscription_items.retrieve(made["items"]["data"][0]["id"])
    assert item.price.metadata.tier == "pro"
