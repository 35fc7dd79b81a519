"""A customer's credit balance: what negative invoices and credit notes leave for the next invoices.
https://docs.stripe.com/billing/customer/balance; below zero is money that the customer has with us.
"""

from __future__ import annotations

from typing import ClassVar

from msgspec import UNSET

from api.sandbox.errors import Object, invalid
from api.sandbox.forms import Params
from api.sandbox.lists import ListParams, page
from api.sandbox.money import check_currency
from api.sandbox.registry import Resource, Route
from api.sandbox.resources.common import Hash, Text, given, merge_metadata
from api.sandbox.transaction import Transaction

KIND = "customer_balance_transaction"


def move(
    tx: Transaction,
    customer_id: str,
    amount: int,
    currency: str,
    *,
    kind: str,
    invoice: str | None = None,
    credit_note: str | None = None,
) -> Object:
    """Add `amount` in minor units to the balance; negative gives the customer credit."""
    customer = tx.get("customer", customer_id)
    moved = tx.update(customer, balance=customer["balance"] + amount, currency=currency)
    tx.emit("customer.updated", moved, {"balance": customer["balance"]})
    return tx.add(
        {
            "id": tx.new_id("cbtxn_"),
            "object": KIND,
            "amount": amount,
            "checkout_session": None,
            "created": tx.now,
            "credit_note": credit_note,
            "currency": currency,
            "customer": customer_id,
            "description": None,
            "ending_balance": moved["balance"],
            "invoice": invoice,
            "livemode": False,
            "metadata": {},
            "type": kind,
        }
    )


class Create(Params, frozen=True, kw_only=True):
    longest: ClassVar = {"description": 350}

    amount: int
    currency: str
    description: Text = UNSET
    metadata: Hash = UNSET


def create(tx: Transaction, customer_id: str, params: Create) -> Object:
    """Given to the customer by hand (below zero), or taken."""
    customer = tx.get("customer", customer_id, param="customer")
    currency = check_currency(params.currency)
    if customer["currency"] not in (None, currency):
        raise invalid(
            f"The customer's balance is in {customer['currency']}; send that as the currency.",
            param="currency",
        )
    moved = move(tx, customer_id, params.amount, currency, kind="adjustment")
    metadata = merge_metadata({}, params.metadata)
    return tx.update(moved, description=given(params.description), metadata=metadata)


def listing(tx: Transaction, customer_id: str, params: ListParams) -> Object:
    tx.get("customer", customer_id, param="customer")
    url = f"/v1/customers/{customer_id}/balance_transactions"
    return page(tx, KIND, url, params, link=(f"{KIND}.customer", customer_id))


RESOURCE = Resource(
    kind=KIND,
    routes=(
        Route("POST", "/v1/customers/{id}/balance_transactions", create, Create),
        Route("GET", "/v1/customers/{id}/balance_transactions", listing, ListParams),
    ),
    expandable=frozenset({"credit_note", "customer", "invoice"}),
    linked=("customer",),
)
