"""What waits for the next invoice, or is on one. https://docs.stripe.com/api/invoiceitems

Subscriptions make prorations of this kind, and `own_items` what no plan has.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import UNSET, UnsetType

from api.sandbox.errors import Object
from api.sandbox.lists import CreatedListParams, first_link, page
from api.sandbox.registry import Resource, Route
from api.sandbox.resources.billing import discounts
from api.sandbox.resources.billing.discounts import Wishes
from api.sandbox.resources.billing.entries import WAITING, Entry, can_be_discounted, pricing
from api.sandbox.resources.common import Text, given, retrieve
from api.sandbox.transaction import Transaction


class Listing(CreatedListParams, frozen=True, kw_only=True):
    customer: Text = UNSET
    invoice: Text = UNSET
    pending: bool | UnsetType = UNSET


def keep(tx: Transaction, subscription: Object, entries: Iterable[Entry]) -> list[Object]:
    found = [_add(tx, subscription, entry) for entry in entries]
    for kept in found:
        tx.link(WAITING, _waits_for(kept), kept["id"])
        tx.emit("invoiceitem.created", kept)
    return found


def drawn_now(tx: Transaction, subscription: Object, entries: Iterable[Entry]) -> list[Entry]:
    """Made for an invoice that is drawn up in the same moment, so that they do not wait."""
    found: list[Entry] = []
    for entry in entries:
        made = _add(tx, subscription, entry)
        tx.emit("invoiceitem.created", made)
        found.append(entry_of(tx, made))
    return found


def _waits_for(item: Object) -> str:
    parent = item["parent"]
    return str(parent["subscription_details"]["subscription"] if parent else item["customer"])


def _item_of(entry: Entry) -> Object:
    return {} if entry.metadata is not None else {"subscription_item": entry.item["id"]}


def _add(tx: Transaction, subscription: Object, entry: Entry) -> Object:
    return tx.add(
        {
            "id": tx.new_id("ii_"),
            "object": "invoiceitem",
            "amount": entry.amount,
            "currency": entry.item["price"]["currency"],
            "customer": subscription["customer"],
            "date": tx.now,
            "description": entry.description,
            "discountable": can_be_discounted(entry),
            "discounts": list(entry.discounts),
            "invoice": None,
            "livemode": False,
            "metadata": subscription["metadata"] if entry.metadata is None else entry.metadata,
            "net_amount": entry.amount,
            "parent": None
            if entry.loose
            else {
                "subscription_details": {"subscription": subscription["id"], **_item_of(entry)},
                "type": "subscription_details",
            },
            "period": {"end": entry.end, "start": entry.start},
            "pricing": pricing(entry.item),
            "proration": entry.proration,
            "quantity": entry.item["quantity"],
            "quantity_decimal": str(entry.item["quantity"]),
            "tax_rates": [],
            "test_clock": subscription["test_clock"],
        }
    )


def discount(tx: Transaction, item: Object, own: Wishes) -> Object:
    """With other discounts than it had, where something is said of them."""
    redeemed = discounts.wanted(tx, discounts.billed(item, item["amount"]), own)
    return item if redeemed is None else tx.update(item, discounts=redeemed)


def waiting(tx: Transaction, subscription: Object) -> list[Entry]:
    """As entries of the next invoice, oldest first; of a customer alone, those of no subscription."""
    found = tx.store.all("invoiceitem", (WAITING, subscription["id"] or subscription["customer"]))
    return [entry_of(tx, value) for value in found if value["currency"] == subscription["currency"]]


def loose(tx: Transaction, subscription: Object) -> list[Entry]:
    """Of its customer and no subscription: the invoice of any next period takes them."""
    return waiting(tx, {**subscription, "id": None})


def entry_of(tx: Transaction, value: Object) -> Entry:
    price = tx.get("price", value["pricing"]["price_details"]["price"])
    parent = value["parent"] or {"subscription_details": {}}
    item_id = parent["subscription_details"].get("subscription_item")
    return Entry(
        item={"id": item_id, "price": price, "quantity": value["quantity"]},
        amount=value["amount"],
        start=value["period"]["start"],
        end=value["period"]["end"],
        description=value["description"],
        proration=value["proration"],
        invoice_item=value["id"],
        metadata=None if item_id else value["metadata"],
        loose=value["parent"] is None,
        discountable=value["discountable"],
        discounts=tuple(value["discounts"]),
    )


def take(tx: Transaction, entries: Iterable[Entry], invoice_id: str) -> None:
    """They are on an invoice now."""
    for entry in entries:
        if entry.invoice_item:
            item = tx.update(tx.get("invoiceitem", entry.invoice_item), invoice=invoice_id)
            tx.unlink(WAITING, _waits_for(item), item["id"])


def give_back(tx: Transaction, invoice: Object) -> None:
    """The draft is no more, and what was on it waits again."""
    for known in tx.all("invoiceitem", "invoice", invoice["id"]):
        item = tx.update(known, invoice=None)
        tx.link(WAITING, _waits_for(item), item["id"])


def drop(tx: Transaction, subscription: Object) -> None:
    """A subscription that ends at once takes along what nobody will invoice."""
    for entry in waiting(tx, subscription):
        forget(tx, tx.get("invoiceitem", entry.invoice_item or ""))


def forget(tx: Transaction, item: Object) -> Object:
    tx.unlink(WAITING, _waits_for(item), item["id"])
    tx.emit("invoiceitem.deleted", item)
    return tx.replace({"id": item["id"], "object": "invoiceitem", "deleted": True})


def listing(tx: Transaction, params: Listing) -> Object:
    customer, invoice = given(params.customer), given(params.invoice)
    link = first_link("invoiceitem", invoice=invoice, customer=customer)

    def matches(value: Object) -> bool:
        if customer and value["customer"] != customer:
            return False
        return not isinstance(params.pending, bool) or params.pending == (value["invoice"] is None)

    return page(tx, "invoiceitem", "/v1/invoiceitems", params, link=link, matches=matches)


RESOURCE = Resource(
    kind="invoiceitem",
    routes=(
        Route("GET", "/v1/invoiceitems", listing, Listing),
        retrieve("invoiceitem", "/v1/invoiceitems/{id}", "invoiceitem"),
    ),
    expandable=frozenset({"customer", "discounts", "invoice", "test_clock"}),
    linked=("customer", "invoice"),
)
