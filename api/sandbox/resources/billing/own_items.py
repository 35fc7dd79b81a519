"""Items of one's own making: amounts that no plan has, of a subscription or of a customer alone.
https://docs.stripe.com/api/invoiceitems/create, and `add_invoice_items` of an update

They wait as prorations do. An update that makes an invoice takes them along; else the next period does, or an
invoice that is made by hand.
"""

from __future__ import annotations

from typing import Literal, Protocol

import msgspec
from msgspec import UNSET, UnsetType

from api.sandbox.errors import Object, StripeError, invalid
from api.sandbox.resources.billing import catalogue
from api.sandbox.resources.billing.entries import Entry, name_of
from api.sandbox.resources.common import Hash, Text, given, merge_metadata
from api.sandbox.transaction import Transaction

MOST_ITEMS = 20


class _Struct(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    pass


class PriceData(_Struct, frozen=True, kw_only=True):
    currency: str
    product: str
    unit_amount: int
    tax_behavior: Literal["exclusive", "inclusive", "unspecified"] = "unspecified"


class Edge(_Struct, frozen=True, kw_only=True):
    type: Literal["max_item_period_start", "min_item_period_end", "now", "timestamp"]
    timestamp: int | None = None


class Edges(_Struct, frozen=True, kw_only=True):
    start: Edge
    end: Edge


class Span(_Struct, frozen=True, kw_only=True):
    start: int
    end: int


class AddItem(_Struct, frozen=True, kw_only=True):
    price: str = ""
    price_data: PriceData | None = None
    quantity: int = 1
    discountable: bool | UnsetType = UNSET
    metadata: Hash = UNSET
    period: Edges | None = None


class PreviewItem(_Struct, frozen=True, kw_only=True):
    amount: int
    currency: str
    description: Text = UNSET
    discountable: bool | UnsetType = UNSET
    metadata: Hash = UNSET
    period: Span | None = None


class Wanted(Protocol):
    """What an item of an amount, or of a price, can be asked to be."""

    @property
    def description(self) -> Text: ...

    @property
    def discountable(self) -> bool | UnsetType: ...

    @property
    def metadata(self) -> Hash: ...

    @property
    def period(self) -> Span | None: ...


def asked_for(tx: Transaction, subscription: Object, asked: tuple[AddItem, ...]) -> list[Entry]:
    if len(asked) > MOST_ITEMS:
        raise invalid(f"You may pass up to {MOST_ITEMS} items.", param="add_invoice_items")
    return [_asked(tx, subscription, one) for one in asked]


def _asked(tx: Transaction, subscription: Object, asked: AddItem) -> Entry:
    if asked.price_data is not None:
        data = asked.price_data
        price = price_of(tx, data.product, data.currency, data.unit_amount)
    else:
        price = tx.get("price", asked.price, param="add_invoice_items[0][price]", status=400)
    if price["recurring"] is not None:
        raise invalid(
            "The price specified is set to `type=recurring` but this field only accepts prices with "
            "`type=one_time`.",
            param="add_invoice_items[0][price]",
        )
    _check_currency(subscription, price["currency"])
    start, end = _edges(tx, subscription, asked.period)
    item = {"id": None, "price": price, "quantity": asked.quantity}
    return Entry(
        item=item,
        amount=price["unit_amount"] * asked.quantity,
        start=start,
        end=end,
        description=name_of(tx, item),
        metadata=merge_metadata({}, asked.metadata),
        discountable=asked.discountable is not False,
    )


def _edges(tx: Transaction, subscription: Object, period: Edges | None) -> tuple[int, int]:
    if period is None:
        return tx.now, tx.now
    item = subscription["items"]["data"][0]

    def moment(edge: Edge) -> int:
        match edge.type:
            case "max_item_period_start":
                return int(item["current_period_start"])
            case "min_item_period_end":
                return int(item["current_period_end"])
            case "now":
                return tx.now
            case "timestamp":
                if edge.timestamp is None:
                    raise invalid(
                        "Missing required param: add_invoice_items[0][period][start][timestamp].",
                        code="parameter_missing",
                        param="add_invoice_items[0][period]",
                    )
                return edge.timestamp

    return moment(period.start), moment(period.end)


def price_of(tx: Transaction, product: str, currency: str, amount: int) -> Object:
    """The one-time price that Stripe makes of an amount; it cannot be used again."""
    tx.get("product", product, param="price_data[product]", status=400)
    return tx.add(
        {
            "id": tx.new_id("price_"),
            "object": "price",
            "active": False,
            "billing_scheme": "per_unit",
            "created": tx.now,
            "currency": currency.lower(),
            "custom_unit_amount": None,
            "livemode": False,
            "lookup_key": None,
            "metadata": {},
            "nickname": None,
            "product": product,
            "recurring": None,
            "tax_behavior": "unspecified",
            "tiers_mode": None,
            "transform_quantity": None,
            "type": "one_time",
            "unit_amount": amount,
            "unit_amount_decimal": str(amount),
        }
    )


def _check_currency(subscription: Object, currency: str) -> None:
    if currency != subscription["currency"]:
        raise StripeError(
            f"The currency of an invoice item ({currency}) must be that of its subscription or invoice "
            f"({subscription['currency']}).",
            param="currency",
        )


def of_amount(tx: Transaction, subscription: Object, asked: PreviewItem) -> Entry:
    """For a preview, under the product that the subscription is of."""
    price = price_of(tx, product_of(tx, subscription, ""), asked.currency, asked.amount)
    entry = entry_of(tx, subscription, price, asked)
    return msgspec.structs.replace(entry, invoice_item=tx.new_id("ii_"))


def product_of(tx: Transaction, subscription: Object, description: str) -> str:
    """Stripe makes a product of an amount that is of no subscription."""
    if subscription["id"]:
        return str(subscription["items"]["data"][0]["price"]["product"])
    hidden = catalogue.CreateProduct(name=description or "Invoice item", active=False)
    return str(catalogue.create_product(tx, hidden)["id"])


def entry_of(tx: Transaction, subscription: Object, price: Object, asked: Wanted, quantity: int = 1) -> Entry:
    _check_currency(subscription, price["currency"])
    start, end = span_of(tx, asked.period)
    amount = price["unit_amount"] * quantity
    return Entry(
        item={"id": None, "price": price, "quantity": quantity},
        amount=amount,
        start=start,
        end=end,
        description=given(asked.description) or "",
        metadata=merge_metadata({}, asked.metadata),
        loose=not subscription["id"],
        discountable=asked.discountable if isinstance(asked.discountable, bool) else amount >= 0,
    )


def span_of(tx: Transaction, period: Span | None) -> tuple[int, int]:
    span = period or Span(start=tx.now, end=tx.now)
    if span.end < span.start:
        raise invalid("The period's end must not be before its start.", param="period[end]")
    return span.start, span.end
