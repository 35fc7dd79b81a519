"""The one discount that a customer can have: it is for all invoices whose subscription has none of its own.
https://docs.stripe.com/api/discounts

The version that the sandbox answers as has no parameter that gives one any more; `coupon` is of older ones.
"""

from __future__ import annotations

from msgspec import UNSET

from api.sandbox.errors import Object, missing
from api.sandbox.registry import NoParams, Resource, Route
from api.sandbox.resources import customers
from api.sandbox.resources.billing import discounts
from api.sandbox.resources.common import Text
from api.sandbox.transaction import Transaction


class Create(customers.Create, frozen=True, kw_only=True):
    coupon: Text = UNSET


class Update(customers.Fields, frozen=True, kw_only=True):
    coupon: Text = UNSET


def create(tx: Transaction, params: Create) -> Object:
    return _give(tx, customers.create(tx, params), params.coupon)


def update(tx: Transaction, customer_id: str, params: Update) -> Object:
    return _give(tx, customers.update(tx, customer_id, params), params.coupon)


def _give(tx: Transaction, customer: Object, sent: Text) -> Object:
    """In the place of the one before, if there is one; "" takes that away."""
    if not isinstance(sent, str):
        return customer
    before = customer["discount"]
    if not sent:
        return _without(tx, customer) if before else customer
    coupon = discounts.redeemable(tx, sent, param="coupon")
    discount = discounts.redeem(tx, customer["id"], coupon, replaces=before)
    return tx.update(customer, discount=discount)


def _without(tx: Transaction, customer: Object) -> Object:
    discounts.take_away(tx, customer["discount"])
    return tx.get("customer", customer["id"])


def _known(tx: Transaction, customer_id: str) -> Object:
    customer = tx.get("customer", customer_id, param="customer")
    if customer["discount"] is None:
        raise missing("discount", customer_id, param="customer")
    return customer


def fetch(tx: Transaction, customer_id: str, _: NoParams) -> Object:
    discount: Object = _known(tx, customer_id)["discount"]
    return discount


def delete(tx: Transaction, customer_id: str, _: NoParams) -> Object:
    customer = _known(tx, customer_id)
    _without(tx, customer)
    return {name: value for name, value in customer["discount"].items() if name != "end"} | {"deleted": True}


RESOURCE = Resource(
    kind="customer_discount",
    routes=(
        Route("GET", "/v1/customers/{id}/discount", fetch),
        Route("DELETE", "/v1/customers/{id}/discount", delete),
        Route("POST", "/v1/customers", create, Create, older=True),
        Route("POST", "/v1/customers/{id}", update, Update, older=True),
    ),
)
"""No kind of object: what it gives is a discount."""
