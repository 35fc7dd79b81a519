"""What a change of a subscription's items comes to, worked out without writing: previews and commits
share it. https://docs.stripe.com/billing/subscriptions/change-price
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec
from msgspec import UNSET

from api.sandbox.errors import Object, invalid
from api.sandbox.resources.billing import entries
from api.sandbox.resources.billing.entries import Entry
from api.sandbox.resources.common import Hash, Text, merge_metadata
from api.sandbox.transaction import Transaction

ProrationBehavior = Literal["create_prorations", "always_invoice", "none"]
MOST_ITEMS = 20


class ItemParams(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    id: str = ""
    price: str = ""
    quantity: int | None = None
    deleted: bool = False
    metadata: Hash = UNSET


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """The subscription's items and anchor as they will be. `invoiced_now` says that `entries` go on an
    invoice of their own; else they wait for the next one. `moved` says that a new period begins.
    """

    items: list[Object]
    anchor: int
    entries: list[Entry]
    invoiced_now: bool
    moved: bool
    trial_end: int | None


def new_item(
    tx: Transaction,
    subscription_id: str,
    asked: ItemParams,
    *,
    start: int,
    end: int,
    known: Object | None = None,
) -> Object:
    """An item of a subscription; `known` is the one that it replaces."""
    price = known["price"] if known and not asked.price else _price(tx, asked.price)
    if asked.quantity is not None and asked.quantity < 0:
        raise invalid("Invalid non-negative integer.", param="items[quantity]")
    quantity = asked.quantity if asked.quantity is not None else known["quantity"] if known else 1
    return {
        "id": known["id"] if known else tx.new_id("si_"),
        "object": "subscription_item",
        "billing_thresholds": None,
        "created": known["created"] if known else tx.now,
        "current_period_end": end,
        "current_period_start": start,
        "discounts": [],
        "metadata": merge_metadata(known["metadata"] if known else {}, asked.metadata),
        "price": price,
        "quantity": quantity,
        "subscription": subscription_id,
        "tax_rates": [],
    }


def _price(tx: Transaction, price_id: str) -> Object:
    if not price_id:
        raise invalid("Missing required param: items[0][price].", code="parameter_missing", param="items")
    price = tx.get("price", price_id, param="items[0][price]", status=400)
    if price["recurring"] is None:
        raise invalid(
            "The price specified is set to `type=one_time` but this field only accepts prices with "
            "`type=recurring`.",
            param="items[0][price]",
        )
    if not price["active"]:
        raise invalid(f"The price specified is inactive: {price_id}.", param="items[0][price]")
    return price


def check_items(items: Sequence[Object], currency: str = "") -> None:
    """Raises StripeError unless all of them can be billed together."""
    if not 0 < len(items) <= MOST_ITEMS:
        raise invalid(f"A subscription has 1 to {MOST_ITEMS} items.", param="items")
    first = items[0]["price"]
    for item in items:
        price = item["price"]
        if price["currency"] != (currency or first["currency"]):
            raise invalid("All prices of a subscription must have the same currency.", param="items")
        if price["recurring"] != first["recurring"]:
            raise invalid("All prices of a subscription must have the same interval here.", param="items")
    prices = [item["price"]["id"] for item in items]
    if len(set(prices)) < len(prices):
        raise invalid("Cannot add multiple subscription items with the same price.", param="items")


def items_after(tx: Transaction, subscription: Object, asked: Sequence[ItemParams]) -> list[Object]:
    """The items with what was asked for done to them."""
    items = {item["id"]: item for item in subscription["items"]["data"]}
    first = subscription["items"]["data"][0]
    start, end = first["current_period_start"], first["current_period_end"]
    for change in asked:
        known = items.get(change.id) if change.id else None
        if change.id and known is None:
            raise invalid(f"Invalid subscription_item id: {change.id}", param="items[0][id]")
        if change.deleted and known is not None:
            del items[change.id]
            continue
        if not change.id and any(item["price"]["id"] == change.price for item in items.values()):
            raise invalid(
                "Cannot add multiple subscription items with the same price; name the item by its `id` to "
                "change it.",
                param="items",
            )
        item = new_item(tx, subscription["id"], change, start=start, end=end, known=known)
        items[item["id"]] = item
    check_items(list(items.values()), subscription["currency"])
    return list(items.values())


def work_out(
    tx: Transaction,
    subscription: Object,
    *,
    items: Sequence[ItemParams] = (),
    behavior: ProrationBehavior = "create_prorations",
    proration_date: int | None = None,
    anchor: Text = UNSET,
    trial_end: int | None = None,
) -> Change:
    """`trial_end` of now or earlier ends the trial."""
    before = subscription["items"]["data"]
    after = items_after(tx, subscription, items)
    moment = _check_date(before[0], tx.now if proration_date is None else proration_date)
    trialing = subscription["status"] == "trialing"
    if trial_end is not None and trial_end > tx.now:
        return _into_trial(subscription, after, trial_end)
    if trialing and trial_end is None:
        if anchor == "now":
            raise invalid(
                "Cannot set billing_cycle_anchor to `now` during a trial.", param="billing_cycle_anchor"
            )
        return Change(
            items=after,
            anchor=subscription["billing_cycle_anchor"],
            entries=[],
            invoiced_now=False,
            moved=False,
            trial_end=subscription["trial_end"],
        )
    if trialing or anchor == "now" or _begins_anew(before, after):
        credited = [] if trialing or behavior == "none" else before
        return _anew(tx, subscription, credited, after, moment)
    drawn = [] if behavior == "none" else _prorated(tx, subscription, before, after, moment)
    return Change(
        items=after,
        anchor=subscription["billing_cycle_anchor"],
        entries=drawn,
        invoiced_now=behavior == "always_invoice" and bool(drawn),
        moved=False,
        trial_end=subscription["trial_end"],
    )


def _check_date(item: Object, moment: int) -> int:
    if not item["current_period_start"] <= moment <= item["current_period_end"]:
        raise invalid(
            "proration_date must lie within the subscription's current period.", param="proration_date"
        )
    return moment


def _begins_anew(before: Sequence[Object], after: Sequence[Object]) -> bool:
    """Another interval, or from free to paid: the period begins now and is invoiced at once."""
    if before[0]["price"]["recurring"] != after[0]["price"]["recurring"]:
        return True
    return not sum(map(entries.price_of, before)) and sum(map(entries.price_of, after)) > 0


def _into_trial(subscription: Object, after: Sequence[Object], trial_end: int) -> Change:
    """A trial that begins or gets another end; nothing is given back for a paid period that it cuts short
    (the sandbox's simplification).
    """
    return Change(
        items=[{**item, "current_period_end": trial_end} for item in after],
        anchor=trial_end,
        entries=[],
        invoiced_now=False,
        moved=trial_end != subscription["trial_end"],
        trial_end=trial_end,
    )


def _anew(
    tx: Transaction, subscription: Object, credited: Sequence[Object], after: Sequence[Object], moment: int
) -> Change:
    anchor = subscription["billing_cycle_anchor"]
    drawn = [entries.unused(tx, item, anchor, moment) for item in credited if entries.price_of(item)]
    start, end = entries.natural_period(after[0], tx.now, tx.now)
    renewed = [{**item, "current_period_start": start, "current_period_end": end} for item in after]
    drawn += [entries.regular(tx, item, start, end) for item in renewed]
    trial_end = subscription["trial_end"]
    return Change(
        items=renewed,
        anchor=tx.now,
        entries=drawn,
        invoiced_now=True,
        moved=True,
        trial_end=min(trial_end, tx.now) if trial_end else None,
    )


def begin_again(tx: Transaction, subscription: Object, *, anchor: str) -> Change:
    """A paused subscription's next period: a whole one from now, or what is left of one of the old anchor."""
    items = subscription["items"]["data"]
    if anchor == "now":
        return _anew(tx, subscription, (), items, tx.now)
    known = subscription["billing_cycle_anchor"]
    _, end = entries.natural_period(items[0], known, tx.now)
    renewed = [{**item, "current_period_start": tx.now, "current_period_end": end} for item in items]
    return Change(
        items=renewed,
        anchor=known,
        entries=[entries.remaining(tx, item, known, tx.now) for item in renewed],
        invoiced_now=True,
        moved=True,
        trial_end=subscription["trial_end"],
    )


def _prorated(
    tx: Transaction, subscription: Object, before: Sequence[Object], after: Sequence[Object], moment: int
) -> list[Entry]:
    """Of each item that changes: the rest of the period given back at the old price, charged at the new."""
    anchor = subscription["billing_cycle_anchor"]
    old = {item["id"]: item for item in before}
    new = {item["id"]: item for item in after}
    drawn: list[Entry] = []
    for item_id in old | new:
        was, becomes = old.get(item_id), new.get(item_id)
        if was and becomes and _costs_the_same(was, becomes):
            continue
        drawn += [entries.unused(tx, was, anchor, moment)] if was else []
        drawn += [entries.remaining(tx, becomes, anchor, moment)] if becomes else []
    return drawn


def _costs_the_same(was: Object, becomes: Object) -> bool:
    return (was["price"]["id"], was["quantity"]) == (becomes["price"]["id"], becomes["quantity"])
