"""Invoice items that somebody makes, changes and deletes, while they wait for an invoice or are on its draft.
https://docs.stripe.com/api/invoiceitems/create
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import UNSET, UnsetType

from api.sandbox.errors import Object, StripeError, invalid
from api.sandbox.forms import Params
from api.sandbox.money import check_currency
from api.sandbox.registry import NoParams, Resource, Route
from api.sandbox.resources.billing import invoice_items, invoicing, own_items, paying, test_clocks
from api.sandbox.resources.billing.discounts import Wishes
from api.sandbox.resources.billing.entries import Entry, can_be_discounted, lines, pricing
from api.sandbox.resources.common import Hash, Text, given, merge_metadata
from api.sandbox.transaction import Transaction


class Pricing(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    price: str


class Create(Params, frozen=True, kw_only=True):
    """Of an `amount` in a `currency`, or of a price. For the draft named, else for what comes next."""

    customer: str
    amount: int | None = None
    currency: Text = UNSET
    pricing: Pricing | None = None
    price_data: own_items.PriceData | None = None
    quantity: Annotated[int, msgspec.Meta(ge=0)] = 1
    invoice: Text = UNSET
    subscription: Text = UNSET
    description: Text = UNSET
    discountable: bool | UnsetType = UNSET
    discounts: Wishes = UNSET
    metadata: Hash = UNSET
    period: own_items.Span | None = None


class Update(Params, frozen=True, kw_only=True):
    amount: int | UnsetType = UNSET
    description: Text = UNSET
    discountable: bool | UnsetType = UNSET
    discounts: Wishes = UNSET
    metadata: Hash = UNSET
    period: own_items.Span | None = None


def _price_asked(tx: Transaction, subscription: Object, params: Create) -> Object:
    if params.pricing is not None:
        price = tx.get("price", params.pricing.price, param="pricing[price]", status=400)
        if price["recurring"] is not None:
            raise invalid("An invoice item takes prices with `type=one_time` only.", param="pricing[price]")
        return price
    if params.price_data is not None:
        data = params.price_data
        return own_items.price_of(tx, data.product, data.currency, data.unit_amount)
    currency = given(params.currency)
    if params.amount is None or currency is None:
        raise invalid(
            "You must pass `amount` with `currency`, or one of `pricing` and `price_data`.",
            code="parameter_missing",
            param="amount",
        )
    product = own_items.product_of(tx, subscription, given(params.description) or "")
    return own_items.price_of(tx, product, check_currency(currency), params.amount)


def create(tx: Transaction, params: Create) -> Object:
    draft_id, subscription_id = given(params.invoice), given(params.subscription)
    draft = tx.get("invoice", draft_id, param="invoice", status=400) if draft_id else None
    if draft and (draft["status"] != "draft" or draft["customer"] != params.customer):
        raise invalid("The invoice must be a draft of this customer.", param="invoice")
    customer = tx.get("customer", params.customer, param="customer", status=400)
    if subscription_id:
        owner = tx.get("subscription", subscription_id, param="subscription", status=400)
        if owner["customer"] != params.customer:
            raise invalid("The subscription is not this customer's.", param="subscription")
        if owner["status"] in ("canceled", "incomplete_expired"):
            raise invalid("You cannot add invoice items to a canceled subscription.", param="subscription")
    else:
        owner = invoicing.alone(customer, draft["currency"] if draft else "")
    test_clocks.enter(tx, owner)
    price = _price_asked(tx, owner, params)
    owner = {**owner, "currency": owner["currency"] or price["currency"]}
    entry = own_items.entry_of(tx, owner, price, params, params.quantity)
    if draft is None:
        return invoice_items.discount(tx, invoice_items.keep(tx, owner, [entry])[0], params.discounts)
    return _put_on(tx, draft, owner, entry, params.discounts)


def _payer_of(tx: Transaction, invoice: Object) -> Object:
    """The subscription that it is of, or the customer in the shape of one."""
    customer = tx.get("customer", invoice["customer"])
    return paying.subscription_of(tx, invoice) or invoicing.alone(customer, invoice["currency"])


def _put_on(tx: Transaction, draft: Object, owner: Object, entry: Entry, own: Wishes) -> Object:
    """The new invoice item, which is on the draft at once."""
    [drawn] = invoice_items.drawn_now(tx, owner, [entry])
    item = invoice_items.discount(tx, tx.get("invoiceitem", drawn.invoice_item or ""), own)
    drawn = msgspec.structs.replace(drawn, discounts=tuple(item["discounts"]))
    invoice_items.take(tx, [drawn], draft["id"])
    new = lines(tx, draft["id"], owner, [drawn])
    invoicing.redraw(tx, draft, _payer_of(tx, draft), [*draft["lines"]["data"], *new])
    return tx.get("invoiceitem", drawn.invoice_item or "")


def _draft_of(tx: Transaction, item: Object) -> Object | None:
    """The invoice that it is on. Raises StripeError when that is a draft no more."""
    if item["invoice"] is None:
        return None
    invoice = tx.get("invoice", item["invoice"])
    if invoice["status"] != "draft":
        raise StripeError(
            "This invoice item is on an invoice that is no draft any more, so it can't be changed.",
            code="invoice_not_editable",
        )
    return invoice


def _is_its(line: Object, item: Object) -> bool:
    details = line["parent"]["invoice_item_details"] or line["parent"]["subscription_item_details"]
    return bool(details["invoice_item"] == item["id"])


def update(tx: Transaction, item_id: str, params: Update) -> Object:
    item = tx.get("invoiceitem", item_id, param="invoiceitem")
    test_clocks.enter(tx, item)
    draft = _draft_of(tx, item)
    item = invoice_items.discount(tx, item, params.discounts)
    entry = _changed(tx, invoice_items.entry_of(tx, item), params)
    item = tx.update(
        item,
        amount=entry.amount,
        description=entry.description,
        discountable=can_be_discounted(entry),
        metadata=merge_metadata(item["metadata"], params.metadata),
        net_amount=entry.amount,
        period={"end": entry.end, "start": entry.start},
        pricing=pricing(entry.item),
        quantity=entry.item["quantity"],
        quantity_decimal=str(entry.item["quantity"]),
    )
    if draft is not None:
        owner = _payer_of(tx, draft)
        [new] = lines(tx, draft["id"], owner, [invoice_items.entry_of(tx, item)])
        drawn = [
            {**new, "id": line["id"]} if _is_its(line, item) else line for line in draft["lines"]["data"]
        ]
        invoicing.redraw(tx, draft, owner, drawn)
    return item


def _changed(tx: Transaction, entry: Entry, params: Update) -> Entry:
    changes: Object = {}
    if isinstance(params.amount, int):
        price = entry.item["price"]
        new = own_items.price_of(tx, price["product"], price["currency"], params.amount)
        changes |= {"amount": params.amount, "item": {**entry.item, "price": new, "quantity": 1}}
    if isinstance(params.description, str):
        changes["description"] = params.description
    if isinstance(params.discountable, bool):
        changes["discountable"] = params.discountable
    if params.period is not None:
        changes["start"], changes["end"] = own_items.span_of(tx, params.period)
    return msgspec.structs.replace(entry, **changes)


def delete(tx: Transaction, item_id: str, _: NoParams) -> Object:
    item = tx.get("invoiceitem", item_id, param="invoiceitem")
    test_clocks.enter(tx, item)
    draft = _draft_of(tx, item)
    if draft is not None:
        left = [line for line in draft["lines"]["data"] if not _is_its(line, item)]
        invoicing.redraw(tx, draft, _payer_of(tx, draft), left)
    return invoice_items.forget(tx, item)


RESOURCE = Resource(
    kind="own_invoice_item",
    routes=(
        Route("POST", "/v1/invoiceitems", create, Create),
        Route("POST", "/v1/invoiceitems/{id}", update, Update),
        Route("DELETE", "/v1/invoiceitems/{id}", delete),
    ),
)
"""No kind of object: what they are about are invoice items."""
