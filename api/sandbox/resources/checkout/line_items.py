"""What a Checkout session is for. https://docs.stripe.com/api/checkout/sessions/line_items"""

from __future__ import annotations

from api.sandbox.errors import Object, invalid
from api.sandbox.lists import ListParams, page
from api.sandbox.registry import Resource, Route
from api.sandbox.resources.billing.catalogue import CreatePrice, create_price
from api.sandbox.resources.checkout.wishes import LineItem, Mode, PriceData
from api.sandbox.resources.common import given
from api.sandbox.transaction import Transaction

_OF_SESSION = "item.session"


class Listing(ListParams, frozen=True, kw_only=True):
    pass


def add(tx: Transaction, session_id: str, asked: LineItem, mode: Mode, number: int) -> Object:
    price = _price(tx, asked, number)
    if mode == "payment" and price["recurring"] is not None:
        raise invalid(
            "You specified `payment` mode but passed a recurring price. Either switch to `subscription` mode "
            "or use only one-time prices.",
            param=f"line_items[{number}]",
        )
    product = tx.get("product", price["product"])
    amount = price["unit_amount"] * asked.quantity
    item = tx.add(
        {
            "id": tx.new_id("li_"),
            "object": "item",
            "adjustable_quantity": None,
            "amount_discount": 0,
            "amount_subtotal": amount,
            "amount_tax": 0,
            "amount_total": amount,
            "currency": price["currency"],
            "description": product["name"],
            "metadata": {},
            "price": price,
            "quantity": asked.quantity,
        }
    )
    tx.link(_OF_SESSION, session_id, item["id"])
    return item


def _price(tx: Transaction, asked: LineItem, number: int) -> Object:
    """One made for this session alone is not active: nobody else is to use it."""
    data, named = asked.price_data, given(asked.price)
    if named is not None and not isinstance(data, PriceData):
        return tx.get("price", named, param=f"line_items[{number}][price]", status=400)
    if named is not None or not isinstance(data, PriceData):
        raise invalid(
            "You must specify exactly one of `price` and `price_data`.", param=f"line_items[{number}]"
        )
    return create_price(
        tx,
        CreatePrice(
            active=False,
            currency=data.currency,
            unit_amount=data.unit_amount,
            product=data.product,
            product_data=data.product_data,
            recurring=data.recurring,
            tax_behavior=data.tax_behavior,
        ),
    )


def of(tx: Transaction, session_id: str) -> list[Object]:
    return tx.all("item", "session", session_id)


def included(tx: Transaction, session: Object) -> Object:
    return listing(tx, session["id"], Listing())


def listing(tx: Transaction, session_id: str, params: Listing) -> Object:
    tx.get("checkout.session", session_id, param="session")
    url = f"/v1/checkout/sessions/{session_id}/line_items"
    return page(tx, "item", url, params, link=(_OF_SESSION, session_id))


RESOURCE = Resource(
    kind="item",
    routes=(Route("GET", "/v1/checkout/sessions/{id}/line_items", listing, Listing),),
    expandable=frozenset({"price.product"}),
)
