"""A customer's credit balance: what negative invoices and credit notes leave for the next invoices.
https://docs.stripe.com/billing/customer/balance; below zero is money that the customer has with us.
"""

from __future__ import annotations

from api.sandbox.errors import Object
from api.sandbox.lists import ListParams, page
from api.sandbox.registry import Resource, Route
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


def listing(tx: Transaction, customer_id: str, params: ListParams) -> Object:
    tx.get("customer", customer_id, param="customer")
    url = f"/v1/customers/{customer_id}/balance_transactions"
    return page(tx, KIND, url, params, link=(f"{KIND}.customer", customer_id))


RESOURCE = Resource(
    kind=KIND,
    routes=(Route("GET", "/v1/customers/{id}/balance_transactions", listing, ListParams),),
    expandable=frozenset({"credit_note", "customer", "invoice"}),
    linked=("customer",),
)
