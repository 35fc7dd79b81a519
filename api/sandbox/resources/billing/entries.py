"""What an invoice charges for: entries, worked out without writing, and the line items made of them.

Proration is by the second: https://docs.stripe.com/billing/subscriptions/prorations
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from api.sandbox.errors import Object
from api.sandbox.resources.billing import discounts
from api.sandbox.resources.billing.calendar import boundaries, day, share
from api.sandbox.transaction import Transaction
from ledger.money import format_minor, round_half_up

WAITING = "invoiceitem.waiting"
"""Link of the invoice items that are on no invoice yet, by subscription."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """`amount` in minor units, negative for unused time; `invoice_item` when it waited as one."""

    item: Object
    amount: int
    start: int
    end: int
    description: str
    proration: bool = False
    invoice_item: str | None = None
    metadata: Object | None = None
    """Of an item of one's own making, which is of no subscription item; else None."""
    loose: bool = False
    """Of a customer and no subscription."""
    discountable: bool = True
    discounts: tuple[str, ...] = ()
    """Its own, which come before those of its invoice."""


def price_of(item: Object) -> int:
    """For one whole period of the item, in minor units."""
    return int(item["price"]["unit_amount"] * item["quantity"])


def natural_period(item: Object, anchor: int, moment: int) -> tuple[int, int]:
    recurring = item["price"]["recurring"]
    return boundaries(anchor, moment, recurring["interval"], recurring["interval_count"])


def name_of(tx: Transaction, item: Object) -> str:
    product = tx.find(item["price"]["product"])
    return str(product["name"]) if product and not product.get("deleted") else "Subscription"


def regular(tx: Transaction, item: Object, start: int, end: int) -> Entry:
    price = item["price"]
    written = format_minor(price["unit_amount"], price["currency"])
    text = f"{item['quantity']} x {name_of(tx, item)} (at {written} / {price['recurring']['interval']})"
    return Entry(item=item, amount=price_of(item), start=start, end=end, description=text)


def trial(tx: Transaction, item: Object, start: int, end: int) -> Entry:
    text = f"Trial period for {name_of(tx, item)}"
    return Entry(item=item, amount=0, start=start, end=end, description=text)


def until_anchor(tx: Transaction, item: Object, start: int, anchor: int) -> Entry:
    """A first period that is cut short by an anchor that was asked for."""
    whole_start, whole_end = natural_period(item, anchor, start)
    amount = share(_net(tx, item), anchor - start, whole_end - whole_start, item["price"]["currency"])
    text = f"Remaining time on {name_of(tx, item)} until {day(anchor)}"
    return Entry(item=item, amount=amount, start=start, end=anchor, description=text, proration=True)


def unused(tx: Transaction, item: Object, anchor: int, moment: int) -> Entry:
    """What was charged for the time from `moment` to the end of the item's period, given back."""
    end = item["current_period_end"]
    amount = -_rest(item, _billed(tx, item, anchor), anchor, moment, end)
    text = f"Unused time on {name_of(tx, item)} after {day(moment)}"
    return Entry(item=item, amount=amount, start=moment, end=end, description=text, proration=True)


def remaining(tx: Transaction, item: Object, anchor: int, moment: int) -> Entry:
    end = item["current_period_end"]
    text = f"Remaining time on {name_of(tx, item)} after {day(moment)}"
    amount = _rest(item, _net(tx, item), anchor, moment, end)
    return Entry(item=item, amount=amount, start=moment, end=end, description=text, proration=True)


def _rest(item: Object, price: int, anchor: int, moment: int, end: int) -> int:
    start, whole_end = natural_period(item, anchor, end - 1)
    return share(price, max(0, end - moment), whole_end - start, item["price"]["currency"])


def _net(tx: Transaction, item: Object) -> int:
    """Prorations have discounts in them: `proration_discounts` is `included`."""
    subscription = tx.find(item["subscription"])
    price = price_of(item)
    return discounts.net_price(tx, subscription, item, price) if subscription else price


def _billed(tx: Transaction, item: Object, anchor: int) -> int:
    """For a whole period of the item what it was last charged at, by the discounts of then: no more is given
    back. Of a charge for a part it is the present price or the plain one when the part was charged by that.
    """
    debits = _debits(tx, item)
    if not debits:
        return _net(tx, item)
    amount, since = max(reversed(debits), key=lambda one: one[1])
    end = item["current_period_end"]
    for price in (_net(tx, item), price_of(item)):
        if _rest(item, price, anchor, since, end) == amount:
            return price
    start, whole_end = natural_period(item, anchor, end - 1)
    return round_half_up(amount * (whole_end - start), end - since)


def _debits(tx: Transaction, item: Object) -> list[tuple[int, int]]:
    """What the rest of its present period was charged at, and since when, oldest first: on invoices and
    waiting for one.
    """
    of_its, subscription = (item["quantity"], pricing(item)), item["subscription"]
    found: list[Object] = []
    for invoice in tx.all("invoice", "subscription", subscription):
        for line in invoice["lines"]["data"]:
            details = line["parent"]["subscription_item_details"] or {}
            if invoice["status"] != "void" and details.get("subscription_item") == item["id"]:
                found.append({**line, "proration": details["proration"]})
    found += [
        {**waits, "discount_amounts": []}
        for waits in tx.store.all("invoiceitem", (WAITING, subscription))
        if waits["parent"]["subscription_details"].get("subscription_item") == item["id"]
    ]
    return [
        (line["amount"] - sum(one["amount"] for one in line["discount_amounts"]), line["period"]["start"])
        for line in found
        if (line["quantity"], line["pricing"]) == of_its
        and (line["amount"] > 0 or (line["proration"] and not line["amount"]))
        and item["current_period_start"] <= line["period"]["start"]
        and line["period"]["end"] == item["current_period_end"]
    ]


def pricing(item: Object) -> Object:
    price = item["price"]
    return {
        "price_details": {"price": price["id"], "product": price["product"]},
        "type": "price_details",
        "unit_amount_decimal": price["unit_amount_decimal"],
    }


def lines(tx: Transaction, invoice_id: str, subscription: Object, entries: Sequence[Entry]) -> list[Object]:
    """Line items, credits before charges as they come."""
    return [_line(tx, invoice_id, subscription, entry) for entry in entries]


def can_be_discounted(entry: Entry) -> bool:
    return entry.discountable and not entry.proration


def _parent(subscription: Object, entry: Entry) -> Object:
    details = {
        "invoice_item": entry.invoice_item,
        "proration": entry.proration,
        "proration_details": {"credited_items": None},
        "subscription": None if entry.loose else subscription["id"],
    }
    if entry.metadata is not None:
        return {
            "invoice_item_details": details,
            "subscription_item_details": None,
            "type": "invoice_item_details",
        }
    return {
        "invoice_item_details": None,
        "subscription_item_details": {**details, "subscription_item": entry.item["id"]},
        "type": "subscription_item_details",
    }


def _line(tx: Transaction, invoice_id: str, subscription: Object, entry: Entry) -> Object:
    return {
        "id": tx.new_id("il_"),
        "object": "line_item",
        "amount": entry.amount,
        "currency": entry.item["price"]["currency"],
        "description": entry.description,
        "discount_amounts": [],
        "discountable": can_be_discounted(entry),
        "discounts": list(entry.discounts),
        "invoice": invoice_id,
        "livemode": False,
        "metadata": subscription["metadata"] if entry.metadata is None else entry.metadata,
        "parent": _parent(subscription, entry),
        "period": {"end": entry.end, "start": entry.start},
        "pretax_credit_amounts": [],
        "pricing": pricing(entry.item),
        "quantity": entry.item["quantity"],
        "quantity_decimal": str(entry.item["quantity"]),
        "subscription": None if entry.loose else subscription["id"],
        "subtotal": entry.amount,
        "taxes": [],
    }
