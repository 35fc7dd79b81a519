"""Customers. https://docs.stripe.com/api/customers"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar

from msgspec import UNSET

from api.sandbox.errors import Object, invalid
from api.sandbox.forms import Params
from api.sandbox.lists import CreatedListParams, first_link, page
from api.sandbox.registry import NoParams, Resource, Route
from api.sandbox.resources import sources
from api.sandbox.resources.common import (
    Hash,
    Text,
    address,
    amend,
    given,
    hash_or_none,
    merge_metadata,
    sent_texts,
)
from api.sandbox.resources.payment_methods import attach_to, let_go
from api.sandbox.transaction import Transaction


class Fields(Params, frozen=True, kw_only=True):
    longest: ClassVar = {"email": 512, "name": 256, "phone": 20}

    name: Text = UNSET
    email: Text = UNSET
    phone: Text = UNSET
    description: Text = UNSET
    address: Hash = UNSET
    shipping: Hash = UNSET
    metadata: Hash = UNSET
    invoice_settings: Hash = UNSET
    preferred_locales: tuple[str, ...] = ()
    source: Text = UNSET


class Create(Fields, frozen=True, kw_only=True):
    payment_method: Text = UNSET
    test_clock: Text = UNSET


class Listing(CreatedListParams, frozen=True, kw_only=True):
    longest: ClassVar = {"email": 512}

    email: Text = UNSET


_TEXTS = ("name", "email", "phone", "description")
_NO_INVOICE_SETTINGS = {
    "custom_fields": None,
    "default_payment_method": None,
    "footer": None,
    "rendering_options": None,
}


def create(tx: Transaction, params: Create) -> Object:
    test_clock = given(params.test_clock)
    if test_clock:
        frozen = tx.get("test_helpers.test_clock", test_clock, param="test_clock", status=400)
        tx.live_in(test_clock, frozen["frozen_time"])
    customer_id = tx.new_id("cus_")
    customer = tx.add(
        {
            "id": customer_id,
            "object": "customer",
            "address": address(params.address),
            "balance": 0,
            "created": tx.now,
            "currency": None,
            "default_source": None,
            "delinquent": False,
            "description": given(params.description),
            "discount": None,
            "email": given(params.email),
            "invoice_prefix": customer_id[-8:].upper(),
            "invoice_settings": _NO_INVOICE_SETTINGS,
            "livemode": False,
            "metadata": merge_metadata({}, params.metadata),
            "name": given(params.name),
            "next_invoice_sequence": 1,
            "phone": given(params.phone),
            "preferred_locales": params.preferred_locales,
            "shipping": hash_or_none(params.shipping),
            "tax_exempt": "none",
            "test_clock": test_clock,
        }
    )
    named: dict[str, str] = {}
    if isinstance(params.payment_method, str):
        method = attach_to(tx, params.payment_method, customer_id, param="payment_method")
        named[params.payment_method] = method["id"]
    if isinstance(params.source, str) and params.source:
        customer, _ = sources.save(tx, customer, params.source)
    customer = tx.update(customer, invoice_settings=_invoice_settings(tx, customer, params, named))
    tx.emit("customer.created", customer)
    return customer


def _invoice_settings(
    tx: Transaction, customer: Object, params: Fields, named: Mapping[str, str] = MappingProxyType({})
) -> Object:
    """`named` has the payment methods that this call made of test names, such as `pm_card_visa`."""
    settings: Object = customer["invoice_settings"]
    if not isinstance(params.invoice_settings, dict):
        return settings
    if unknown := set(params.invoice_settings) - {"default_payment_method"}:
        raise invalid(
            f"Received unknown parameter: invoice_settings[{min(unknown)}]",
            code="parameter_unknown",
            param="invoice_settings",
        )
    default = params.invoice_settings.get("default_payment_method") or None
    default = named.get(default, default) if default else None
    if default is not None:
        method = tx.get(
            "payment_method", default, param="invoice_settings[default_payment_method]", status=400
        )
        if method["customer"] != customer["id"]:
            raise invalid(
                f"The customer does not have a payment method with the ID {default}. "
                "The payment method must be attached to the customer.",
                code="resource_missing",
                param="invoice_settings[default_payment_method]",
            )
    return {**settings, "default_payment_method": default}


def update(tx: Transaction, customer_id: str, params: Fields) -> Object:
    customer = tx.get("customer", customer_id, param="customer")
    changes: Object = dict(sent_texts(params, *_TEXTS))
    changes["metadata"] = merge_metadata(customer["metadata"], params.metadata)
    changes["invoice_settings"] = _invoice_settings(tx, customer, params)
    if params.address is not UNSET:
        changes["address"] = address(params.address)
    if params.shipping is not UNSET:
        changes["shipping"] = hash_or_none(params.shipping)
    if params.preferred_locales:
        changes["preferred_locales"] = params.preferred_locales
    if isinstance(params.source, str) and params.source:
        customer, card = sources.save(tx, customer, params.source)
        changes["default_source"] = card["id"]
    return amend(tx, customer, changes, "customer.updated")


def delete(tx: Transaction, customer_id: str, _: NoParams) -> Object:
    customer = tx.get("customer", customer_id, param="customer")
    tx.emit("customer.deleted", customer)
    for method in tx.all("payment_method", "customer", customer_id):
        let_go(tx, method)
    return tx.replace({"id": customer_id, "object": "customer", "deleted": True})


def fetch(tx: Transaction, customer_id: str, _: NoParams) -> Object:
    """A deleted customer can still be retrieved, as Stripe shows it."""
    found = tx.find(customer_id)
    if found and found["object"] == "customer" and found.get("deleted"):
        return found
    return tx.get("customer", customer_id, param="id")


def listing(tx: Transaction, params: Listing) -> Object:
    email = given(params.email)
    link = first_link("customer", email=email)
    return page(tx, "customer", "/v1/customers", params, link=link, matches=lambda c: not c.get("deleted"))


RESOURCE = Resource(
    kind="customer",
    routes=(
        Route("POST", "/v1/customers", create, Create),
        Route("GET", "/v1/customers", listing, Listing),
        Route("GET", "/v1/customers/{id}", fetch),
        Route("POST", "/v1/customers/{id}", update, Fields),
        Route("DELETE", "/v1/customers/{id}", delete),
    ),
    expandable=frozenset({"invoice_settings.default_payment_method", "default_source", "test_clock"}),
    linked=("email", "test_clock"),
)
