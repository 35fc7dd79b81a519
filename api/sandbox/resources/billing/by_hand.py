"""Invoices that no subscription makes: somebody does, of what waits for one or is put on it.
https://docs.stripe.com/api/invoices/create
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import msgspec
from msgspec import UNSET

from api.sandbox.errors import Object, StripeError, invalid
from api.sandbox.forms import Params
from api.sandbox.money import check_currency
from api.sandbox.registry import NoParams, Resource, Route
from api.sandbox.resources.billing import entries, invoice_items, invoicing, test_clocks
from api.sandbox.resources.billing.discounts import Wishes
from api.sandbox.resources.billing.invoices import own_method
from api.sandbox.resources.common import Hash, Text, given, merge_metadata
from api.sandbox.transaction import Transaction

DAY_S = 86_400
DRAFT_S = 3_600
"""How long one that advances by itself can still be changed: about an hour, as at Stripe."""


class Create(Params, frozen=True, kw_only=True):
    longest: ClassVar = {"description": 1_500, "statement_descriptor": 22}

    customer: str
    auto_advance: bool = False
    collection_method: Literal["charge_automatically", "send_invoice"] = "charge_automatically"
    currency: Text = UNSET
    days_until_due: Annotated[int, msgspec.Meta(ge=0)] | None = None
    default_payment_method: Text = UNSET
    description: Text = UNSET
    discounts: Wishes = UNSET
    due_date: int | None = None
    footer: Text = UNSET
    metadata: Hash = UNSET
    pending_invoice_items_behavior: Literal["exclude", "include"] = "exclude"
    statement_descriptor: Text = UNSET
    subscription: Text = UNSET


def create(tx: Transaction, params: Create) -> Object:
    customer = tx.get("customer", params.customer, param="customer", status=400)
    test_clocks.enter(tx, customer)
    due = _due(tx, params)
    owner = _owner(tx, customer, params)
    takes = params.pending_invoice_items_behavior == "include"
    waiting = invoice_items.waiting(tx, owner) if takes else []
    invoice = invoicing.draft(
        tx,
        owner,
        waiting,
        reason="manual",
        auto_advance=params.auto_advance,
        own=params.discounts,
        collection_method=params.collection_method,
        due_date=due,
        footer=given(params.footer),
        metadata=merge_metadata({}, params.metadata),
        statement_descriptor=given(params.statement_descriptor),
        automatically_finalizes_at=tx.now + DRAFT_S if params.auto_advance else None,
    )
    method = given(params.default_payment_method)
    if method:
        invoice = tx.update(invoice, default_payment_method=own_method(tx, invoice, method)["id"])
    if params.auto_advance:
        tx.later(tx.now + DRAFT_S, "finalize_invoice", invoice["id"])
    return invoice


def _due(tx: Transaction, params: Create) -> int | None:
    sent = params.collection_method == "send_invoice"
    if not sent and (params.days_until_due is not None or params.due_date is not None):
        raise invalid(
            "`days_until_due` and `due_date` can only be given when `collection_method` is `send_invoice`.",
            param="days_until_due",
        )
    if sent and (params.days_until_due is None) == (params.due_date is None):
        raise invalid(
            "Pass one of `days_until_due` and `due_date` when `collection_method` is `send_invoice`.",
            code="parameter_missing",
            param="days_until_due",
        )
    return params.due_date if params.days_until_due is None else tx.now + params.days_until_due * DAY_S


def _owner(tx: Transaction, customer: Object, params: Create) -> Object:
    """Whose items it takes: a subscription's, or those of the customer alone."""
    currency, subscription_id = given(params.currency), given(params.subscription)
    if subscription_id is None:
        usual = customer["currency"] or _waits_in(tx, customer) or "usd"
        currency = check_currency(currency) if currency else usual
        return invoicing.alone(customer, currency, given(params.description))
    subscription = tx.get("subscription", subscription_id, param="subscription", status=400)
    if subscription["customer"] != customer["id"]:
        raise invalid("The subscription is not this customer's.", param="subscription")
    if currency not in (None, subscription["currency"]):
        raise invalid(f"The subscription is in {subscription['currency']}.", param="currency")
    return {**subscription, "description": given(params.description) or subscription["description"]}


def _waits_in(tx: Transaction, customer: Object) -> str | None:
    """The currency of what waits for an invoice."""
    found = tx.store.all("invoiceitem", (entries.WAITING, customer["id"]))
    return found[0]["currency"] if found else None


def delete(tx: Transaction, invoice_id: str, _: NoParams) -> Object:
    invoice = tx.get("invoice", invoice_id, param="invoice")
    if invoice["status"] != "draft" or invoice["billing_reason"] != "manual":
        raise StripeError(
            "You can only delete draft invoices that were made by hand; void this one.",
            code="invoice_not_editable",
        )
    invoice_items.give_back(tx, invoice)
    tx.emit("invoice.deleted", invoice)
    return tx.replace({"id": invoice_id, "object": "invoice", "deleted": True})


def send(tx: Transaction, invoice_id: str, _: NoParams) -> Object:
    """Nothing is mailed, as in test mode. A draft is finalized first."""
    invoice = tx.get("invoice", invoice_id, param="invoice")
    test_clocks.enter(tx, invoice)
    if invoice["collection_method"] != "send_invoice":
        raise StripeError("You can only manually send an invoice if its collection method is 'send_invoice'.")
    if invoice["status"] == "draft":
        invoice = invoicing.finalize(tx, invoice)
    if invoice["status"] in ("void", "uncollectible"):
        raise StripeError(f"This invoice is {invoice['status']} and can't be sent.", code="invoice_not_open")
    tx.emit("invoice.sent", invoice)
    return invoice


RESOURCE = Resource(
    kind="invoice_by_hand",
    routes=(
        Route("POST", "/v1/invoices", create, Create),
        Route("DELETE", "/v1/invoices/{id}", delete),
        Route("POST", "/v1/invoices/{id}/send", send),
    ),
)
"""No kind of object: what it makes is an invoice."""
