"""Items of subscriptions. https://docs.stripe.com/api/subscription_items

They are kept in their subscription, and each call here is an update of that.
"""

from __future__ import annotations

from typing import Literal

from msgspec import UNSET, UnsetType

from api.sandbox.errors import Object, missing
from api.sandbox.forms import Params
from api.sandbox.lists import ListParams
from api.sandbox.registry import NoParams, Resource, Route
from api.sandbox.resources.billing import lifecycle, updating
from api.sandbox.resources.billing.plan import ItemParams, ProrationBehavior
from api.sandbox.resources.common import Hash
from api.sandbox.transaction import Transaction


class _Change(Params, frozen=True, kw_only=True):
    payment_behavior: Literal[
        "allow_incomplete", "default_incomplete", "error_if_incomplete", "pending_if_incomplete"
    ] = "allow_incomplete"
    proration_behavior: ProrationBehavior | UnsetType = UNSET
    proration_date: int | UnsetType = UNSET


class Create(_Change, frozen=True, kw_only=True):
    subscription: str
    price: str = ""
    quantity: int | None = None
    metadata: Hash = UNSET


class Update(_Change, frozen=True, kw_only=True):
    price: str = ""
    quantity: int | None = None
    metadata: Hash = UNSET
    off_session: bool | UnsetType = UNSET


class Delete(_Change, frozen=True, kw_only=True):
    """`clear_usage` is of metered prices, which there are none of here."""

    clear_usage: bool | UnsetType = UNSET


class Listing(ListParams, frozen=True, kw_only=True):
    subscription: str


def create(tx: Transaction, params: Create) -> Object:
    before = tx.get("subscription", params.subscription, param="subscription", status=400)
    asked = ItemParams(price=params.price, quantity=params.quantity, metadata=params.metadata)
    after = _update(tx, before["id"], asked, params)
    known = {item["id"] for item in before["items"]["data"]}
    # with `pending_if_incomplete` it may wait for its invoice
    pending = after["pending_update"] or {"subscription_items": []}
    items = [*after["items"]["data"], *pending["subscription_items"]]
    return next(item for item in items if item["id"] not in known)


def retrieve(tx: Transaction, item_id: str, _: NoParams) -> Object:
    return _item(_subscription_of(tx, item_id), item_id)


def update(tx: Transaction, item_id: str, params: Update) -> Object:
    subscription = _subscription_of(tx, item_id)
    asked = ItemParams(id=item_id, price=params.price, quantity=params.quantity, metadata=params.metadata)
    return _item(_update(tx, subscription["id"], asked, params), item_id)


def delete(tx: Transaction, item_id: str, params: Delete) -> Object:
    subscription = _subscription_of(tx, item_id)
    _update(tx, subscription["id"], ItemParams(id=item_id, deleted=True), params)
    return {"id": item_id, "object": "subscription_item", "deleted": True}


def listing(tx: Transaction, params: Listing) -> Object:
    subscription = tx.get("subscription", params.subscription, param="subscription", status=400)
    return {**subscription["items"], "url": "/v1/subscription_items"}


def _update(tx: Transaction, subscription_id: str, asked: ItemParams, params: _Change) -> Object:
    how = updating.Update(
        items=(asked,),
        payment_behavior=params.payment_behavior,
        proration_behavior=params.proration_behavior,
        proration_date=params.proration_date,
    )
    return updating.update(tx, subscription_id, how)


def _subscription_of(tx: Transaction, item_id: str) -> Object:
    """Raises StripeError for an item that no subscription has any more."""
    for found in tx.all("subscription", lifecycle.ITEM, item_id):
        if any(item["id"] == item_id for item in found["items"]["data"]):
            return found
    raise missing("subscription_item", item_id, param="item")


def _item(subscription: Object, item_id: str) -> Object:
    found: Object = next(item for item in subscription["items"]["data"] if item["id"] == item_id)
    return found


RESOURCE = Resource(
    kind="subscription_item",
    routes=(
        Route("POST", "/v1/subscription_items", create, Create),
        Route("GET", "/v1/subscription_items", listing, Listing),
        Route("GET", "/v1/subscription_items/{id}", retrieve),
        Route("POST", "/v1/subscription_items/{id}", update, Update),
        Route("DELETE", "/v1/subscription_items/{id}", delete, Delete),
    ),
    expandable=frozenset({"price.product"}),
    present=lifecycle.with_present_price,
)
