"""Products and prices. https://docs.stripe.com/api/products and https://docs.stripe.com/api/prices"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import msgspec
from msgspec import UNSET, UnsetType

from api.sandbox.errors import Object, StripeError, invalid
from api.sandbox.forms import Params
from api.sandbox.lists import CreatedListParams, first_link, page
from api.sandbox.money import check_currency
from api.sandbox.registry import NoParams, Resource, Route
from api.sandbox.resources.common import (
    Hash,
    Text,
    amend,
    changed,
    given,
    merge_metadata,
    retrieve,
    sent_texts,
)
from api.sandbox.transaction import Transaction

Interval = Literal["day", "week", "month", "year"]


class ProductFields(Params, frozen=True, kw_only=True):
    longest: ClassVar = {"description": 40_000, "statement_descriptor": 22, "unit_label": 12}

    active: bool | UnsetType = UNSET
    description: Text = UNSET
    statement_descriptor: Text = UNSET
    unit_label: Text = UNSET
    url: Text = UNSET
    metadata: Hash = UNSET


class CreateProduct(ProductFields, frozen=True, kw_only=True):
    id: Text = UNSET
    name: str


class UpdateProduct(ProductFields, frozen=True, kw_only=True):
    name: Text = UNSET
    default_price: Text = UNSET


class ProductListing(CreatedListParams, frozen=True, kw_only=True):
    active: bool | UnsetType = UNSET
    ids: list[str] | UnsetType = UNSET


class Recurring(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    interval: Interval
    interval_count: Annotated[int, msgspec.Meta(ge=1, le=36)] = 1
    usage_type: Literal["licensed"] = "licensed"


class PriceFields(Params, frozen=True, kw_only=True):
    longest: ClassVar = {"lookup_key": 200}

    active: bool | UnsetType = UNSET
    lookup_key: Text = UNSET
    transfer_lookup_key: bool = False
    nickname: Text = UNSET
    tax_behavior: Literal["exclusive", "inclusive", "unspecified"] | UnsetType = UNSET
    metadata: Hash = UNSET


class CreatePrice(PriceFields, frozen=True, kw_only=True):
    currency: str
    unit_amount: Annotated[int, msgspec.Meta(ge=0, le=99_999_999)]
    product: Text = UNSET
    product_data: CreateProduct | UnsetType = UNSET
    recurring: Recurring | UnsetType = UNSET
    billing_scheme: Literal["per_unit"] = "per_unit"


class RecurringFilter(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    interval: Interval | None = None


class PriceListing(CreatedListParams, frozen=True, kw_only=True):
    active: bool | UnsetType = UNSET
    currency: Text = UNSET
    lookup_keys: list[str] | UnsetType = UNSET
    product: Text = UNSET
    recurring: RecurringFilter = RecurringFilter()
    type: Literal["one_time", "recurring"] | UnsetType = UNSET


_TEXTS = ("description", "statement_descriptor", "unit_label", "url")


def create_product(tx: Transaction, params: CreateProduct) -> Object:
    chosen = given(params.id)
    if chosen and tx.find(chosen):
        raise StripeError("Product already exists.", code="resource_already_exists", param="id")
    product = tx.add(
        {
            "id": chosen or tx.new_id("prod_"),
            "object": "product",
            "active": params.active is not False,
            "created": tx.now,
            "default_price": None,
            "description": given(params.description),
            "images": [],
            "livemode": False,
            "marketing_features": [],
            "metadata": merge_metadata({}, params.metadata),
            "name": params.name,
            "package_dimensions": None,
            "shippable": None,
            "statement_descriptor": given(params.statement_descriptor),
            "tax_code": None,
            "unit_label": given(params.unit_label),
            "updated": tx.now,
            "url": given(params.url),
        }
    )
    tx.emit("product.created", product)
    return product


def update_product(tx: Transaction, product_id: str, params: UpdateProduct) -> Object:
    product = tx.get("product", product_id, param="product")
    changes: Object = dict(sent_texts(params, *_TEXTS, "default_price"))
    if given(params.name):
        changes["name"] = params.name
    if isinstance(params.active, bool):
        changes["active"] = params.active
    if changes.get("default_price"):
        tx.get("price", changes["default_price"], param="default_price", status=400)
    changes["metadata"] = merge_metadata(product["metadata"], params.metadata)
    updated = tx.update(product, **changes, updated=tx.now)
    tx.emit("product.updated", updated, changed(product, updated))
    return updated


def list_products(tx: Transaction, params: ProductListing) -> Object:
    def matches(product: Object) -> bool:
        if product.get("deleted") or (isinstance(params.active, bool) and product["active"] != params.active):
            return False
        return not isinstance(params.ids, list) or product["id"] in params.ids

    return page(tx, "product", "/v1/products", params, matches=matches)


def delete_product(tx: Transaction, product_id: str, _: NoParams) -> Object:
    product = tx.get("product", product_id, param="product")
    if tx.all("price", "product", product_id):
        raise StripeError(
            "This product cannot be deleted because it has one or more user-created prices. "
            "Set active=false to archive it."
        )
    tx.emit("product.deleted", product)
    return tx.replace({"id": product_id, "object": "product", "deleted": True})


def create_price(tx: Transaction, params: CreatePrice) -> Object:
    if isinstance(params.product_data, CreateProduct):
        product = create_product(tx, params.product_data)
    elif product_id := given(params.product):
        product = tx.get("product", product_id, param="product", status=400)
    else:
        raise invalid("Missing required param: product.", code="parameter_missing", param="product")
    recurring = params.recurring if isinstance(params.recurring, Recurring) else None
    key = given(params.lookup_key)
    price_id = tx.new_id("price_")
    _take_key(tx, key, transfer=params.transfer_lookup_key)
    price = tx.add(
        {
            "id": price_id,
            "object": "price",
            "active": params.active is not False,
            "billing_scheme": params.billing_scheme,
            "created": tx.now,
            "currency": check_currency(params.currency),
            "custom_unit_amount": None,
            "livemode": False,
            "lookup_key": key,
            "metadata": merge_metadata({}, params.metadata),
            "nickname": given(params.nickname),
            "product": product["id"],
            "recurring": {
                "interval": recurring.interval,
                "interval_count": recurring.interval_count,
                "meter": None,
                "usage_type": recurring.usage_type,
            }
            if recurring
            else None,
            "tax_behavior": params.tax_behavior or "unspecified",
            "tiers_mode": None,
            "transform_quantity": None,
            "type": "recurring" if recurring else "one_time",
            "unit_amount": params.unit_amount,
            "unit_amount_decimal": str(params.unit_amount),
        }
    )
    tx.emit("price.created", price)
    return price


def _take_key(tx: Transaction, key: str | None, *, transfer: bool, taker: str = "") -> None:
    """A lookup key names one price at a time. Raises StripeError unless it is free or to be transferred."""
    if not key:
        return
    for other in tx.all("price", "lookup_key", key):
        if other["id"] == taker:
            continue
        if not transfer:
            raise StripeError(
                f"A price (`{other['id']}`) already uses that lookup key. Set `transfer_lookup_key` to true "
                "to move it to this price.",
                code="resource_already_exists",
                param="lookup_key",
            )
        updated = tx.update(other, lookup_key=None)
        tx.emit("price.updated", updated, changed(other, updated))


def update_price(tx: Transaction, price_id: str, params: PriceFields) -> Object:
    """What a price costs never changes."""
    price = tx.get("price", price_id, param="price")
    changes: Object = dict(sent_texts(params, "lookup_key", "nickname", "tax_behavior"))
    _take_key(tx, changes.get("lookup_key"), transfer=params.transfer_lookup_key, taker=price_id)
    if isinstance(params.active, bool):
        changes["active"] = params.active
    changes["metadata"] = merge_metadata(price["metadata"], params.metadata)
    return amend(tx, price, changes, "price.updated")


def list_prices(tx: Transaction, params: PriceListing) -> Object:
    currency, product = given(params.currency), given(params.product)

    def matches(price: Object) -> bool:
        interval = params.recurring.interval
        return all(
            (
                not isinstance(params.active, bool) or price["active"] == params.active,
                not currency or price["currency"] == currency.lower(),
                not isinstance(params.lookup_keys, list) or price["lookup_key"] in params.lookup_keys,
                not isinstance(params.type, str) or price["type"] == params.type,
                interval is None or (price["recurring"] or {}).get("interval") == interval,
            )
        )

    link = first_link("price", product=product)
    return page(tx, "price", "/v1/prices", params, link=link, matches=matches)


PRODUCTS = Resource(
    kind="product",
    routes=(
        Route("POST", "/v1/products", create_product, CreateProduct),
        Route("GET", "/v1/products", list_products, ProductListing),
        retrieve("product", "/v1/products/{id}", "id"),
        Route("POST", "/v1/products/{id}", update_product, UpdateProduct),
        Route("DELETE", "/v1/products/{id}", delete_product),
    ),
    expandable=frozenset({"default_price"}),
)
PRICES = Resource(
    kind="price",
    routes=(
        Route("POST", "/v1/prices", create_price, CreatePrice),
        Route("GET", "/v1/prices", list_prices, PriceListing),
        retrieve("price", "/v1/prices/{id}", "price"),
        Route("POST", "/v1/prices/{id}", update_price, PriceFields),
    ),
    expandable=frozenset({"product"}),
    linked=("product", "lookup_key"),
)
