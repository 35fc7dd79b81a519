"""Invoices, their lines and their payments. https://docs.stripe.com/api/invoices

Subscriptions make them, and `by_hand` does.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import msgspec
from msgspec import UNSET, UnsetType

from api.sandbox.errors import Object, StripeError, invalid, missing
from api.sandbox.forms import Params
from api.sandbox.lists import CreatedListParams, ListParams, first_link, page
from api.sandbox.registry import NoParams, Resource, Route
from api.sandbox.resources.billing import invoicing, lifecycle, paying, payments, test_clocks
from api.sandbox.resources.billing.discounts import Wishes
from api.sandbox.resources.common import Hash, Text, amend, given, merge_metadata, retrieve, sent_texts
from api.sandbox.resources.payment_methods import resolve
from api.sandbox.transaction import Transaction

Status = Literal["draft", "open", "paid", "uncollectible", "void"]


class Update(Params, frozen=True, kw_only=True):
    longest: ClassVar = {"description": 1_500}

    auto_advance: bool | UnsetType = UNSET
    default_payment_method: Text = UNSET
    description: Text = UNSET
    discounts: Wishes = UNSET
    metadata: Hash = UNSET


class Finalize(Params, frozen=True, kw_only=True):
    auto_advance: bool | UnsetType = UNSET


class Pay(Params, frozen=True, kw_only=True):
    """`off_session` as at Stripe; false lets a card that was not set up ask its holder."""

    payment_method: Text = UNSET
    off_session: bool = True
    paid_out_of_band: bool = False


class Attach(Params, frozen=True, kw_only=True):
    payment_intent: str


class Listing(CreatedListParams, frozen=True, kw_only=True):
    customer: Text = UNSET
    subscription: Text = UNSET
    status: Status | UnsetType = UNSET
    collection_method: Literal["charge_automatically", "send_invoice"] | UnsetType = UNSET


class PaymentFilter(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    type: Literal["payment_intent"]
    payment_intent: str


class PaymentListing(CreatedListParams, frozen=True, kw_only=True):
    invoice: Text = UNSET
    payment: PaymentFilter | UnsetType = UNSET
    status: Literal["canceled", "open", "paid"] | UnsetType = UNSET


def update(tx: Transaction, invoice_id: str, params: Update) -> Object:
    invoice = tx.get("invoice", invoice_id, param="invoice")
    test_clocks.enter(tx, invoice)
    changes: Object = dict(sent_texts(params, "description", "default_payment_method"))
    if changes.get("default_payment_method"):
        own_method(tx, invoice, changes["default_payment_method"])
    if isinstance(params.auto_advance, bool):
        changes["auto_advance"] = params.auto_advance
    changes["metadata"] = merge_metadata(invoice["metadata"], params.metadata)
    if params.discounts is not UNSET:
        invoice = _discounted(tx, invoice, params.discounts)
    return amend(tx, invoice, changes, "invoice.updated")


def _discounted(tx: Transaction, invoice: Object, sent: Wishes) -> Object:
    if invoice["status"] != "draft":
        raise StripeError(
            "Discounts of a finalized invoice can't be changed.",
            code="invoice_not_editable",
            param="discounts",
        )
    payer = paying.subscription_of(tx, invoice)
    if payer is None:
        payer = invoicing.alone(tx.get("customer", invoice["customer"]), invoice["currency"])
    return invoicing.discount(tx, invoice, payer, sent)


def finalize(tx: Transaction, invoice_id: str, params: Finalize) -> Object:
    invoice = tx.get("invoice", invoice_id, param="invoice")
    test_clocks.enter(tx, invoice)
    if invoice["status"] != "draft":
        raise StripeError(
            "This invoice is already finalized, you can't re-finalize a non-draft invoice.",
            code="invoice_not_editable",
        )
    if isinstance(params.auto_advance, bool):
        invoice = tx.update(invoice, auto_advance=params.auto_advance)
    return invoicing.finalize(tx, invoice)


def pay(tx: Transaction, invoice_id: str, params: Pay) -> Object:
    """A draft is finalized first. Raises a card error, with its work kept, when the issuer declines."""
    invoice = tx.get("invoice", invoice_id, param="invoice")
    test_clocks.enter(tx, invoice)
    if invoice["status"] == "draft":
        invoice = invoicing.finalize(tx, invoice)
        if invoice["status"] == "paid":
            return invoice
    if invoice["status"] not in ("open", "uncollectible"):
        done = "already paid" if invoice["status"] == "paid" else "void and can no longer be paid"
        raise StripeError(f"Invoice is {done}", code="invoice_not_open" if done != "already paid" else "")
    intent = payments.intent_of(tx, invoice)
    if intent is not None and intent["status"] == "processing":
        raise StripeError(
            "This invoice has a payment that is processing; wait for how it ends.",
            code="invoice_payment_intent_processing",
        )
    if params.paid_out_of_band:
        return _paid_elsewhere(tx, invoice)
    method_id = given(params.payment_method)
    chosen = own_method(tx, invoice, method_id)["id"] if method_id else None
    invoice = paying.collect(tx, invoice, chosen, on_session=not params.off_session)
    error = paying.needs_action(tx, invoice, "invoice", keeps_work=True)
    if error is not None:
        raise error
    return invoice


def _paid_elsewhere(tx: Transaction, invoice: Object) -> Object:
    """All that remains. Nothing is charged, and nothing can be any more."""
    payments.give_up(tx, invoice)
    left = invoice["amount_remaining"]
    invoice = tx.update(invoice, amount_paid_off_stripe=invoice["amount_paid_off_stripe"] + left)
    return invoicing.settle(tx, invoice, left, attempted=False)


def attach_payment(tx: Transaction, invoice_id: str, params: Attach) -> Object:
    """Of another PaymentIntent, which pays a part or all that remains.
    https://docs.stripe.com/invoicing/partial-payments
    """
    invoice = tx.get("invoice", invoice_id, param="invoice")
    test_clocks.enter(tx, invoice)
    intent = tx.get("payment_intent", params.payment_intent, param="payment_intent", status=400)
    if invoice["status"] != "open":
        raise StripeError("You can only attach payments to open invoices.", code="invoice_not_open")
    if (intent["customer"], intent["currency"]) != (invoice["customer"], invoice["currency"]):
        raise invalid(
            "The PaymentIntent must have the customer and the currency of the invoice.",
            param="payment_intent",
        )
    if intent["amount"] > invoice["amount_remaining"]:
        raise invalid(
            f"The PaymentIntent's amount ({intent['amount']}) is more than what remains of the invoice "
            f"({invoice['amount_remaining']}).",
            param="payment_intent",
        )
    if payments.invoice_of(tx, intent) is not None or intent["status"] == "canceled":
        raise invalid("The PaymentIntent is canceled, or of an invoice already.", param="payment_intent")
    payment = payments.attach(tx, invoice, intent)
    return paying.take(tx, invoice, payment, intent) if intent["status"] == "succeeded" else invoice


def own_method(tx: Transaction, invoice: Object, method_id: str) -> Object:
    method = resolve(tx, method_id, param="payment_method")
    if method["customer"] not in (None, invoice["customer"]) or (
        method["customer"] is None and method["id"] == method_id
    ):
        raise invalid(
            f"The customer does not have a payment method with the ID {method_id}. "
            "The payment method must be attached to the customer.",
            code="resource_missing",
            param="payment_method",
        )
    return method


def void(tx: Transaction, invoice_id: str, _: NoParams) -> Object:
    invoice = tx.get("invoice", invoice_id, param="invoice")
    test_clocks.enter(tx, invoice)
    return invoicing.void(tx, invoice)


def mark_uncollectible(tx: Transaction, invoice_id: str, _: NoParams) -> Object:
    invoice = tx.get("invoice", invoice_id, param="invoice")
    test_clocks.enter(tx, invoice)
    return invoicing.mark_uncollectible(tx, invoice)


def listing(tx: Transaction, params: Listing) -> Object:
    customer, subscription = given(params.customer), given(params.subscription)
    link = first_link("invoice", subscription=subscription, customer=customer)

    def matches(invoice: Object) -> bool:
        if customer and invoice["customer"] != customer:
            return False
        how = params.collection_method
        if isinstance(how, str) and invoice["collection_method"] != how:
            return False
        return not isinstance(params.status, str) or invoice["status"] == params.status

    return page(tx, "invoice", "/v1/invoices", params, link=link, matches=matches)


def list_lines(tx: Transaction, invoice_id: str, params: ListParams) -> Object:
    lines = tx.get("invoice", invoice_id, param="invoice")["lines"]
    return slice_of(lines, params, "line_item")


def slice_of(lines: Object, params: ListParams, kind: str) -> Object:
    """A page of a list that its object carries whole."""
    data = lines["data"]
    start = 0
    if isinstance(params.starting_after, str):
        ids = [line["id"] for line in data]
        if params.starting_after not in ids:
            raise missing(kind, params.starting_after, param="starting_after", status=400)
        start = ids.index(params.starting_after) + 1
    shown = data[start : start + params.limit]
    return {
        "object": "list",
        "url": lines["url"],
        "has_more": len(data) > start + params.limit,
        "data": shown,
    }


def list_payments(tx: Transaction, params: PaymentListing) -> Object:
    invoice = given(params.invoice)
    intent = params.payment.payment_intent if isinstance(params.payment, PaymentFilter) else None
    link = first_link("invoice_payment", invoice=invoice)
    if link is None and intent:
        known = tx.get("payment_intent", intent, param="payment[payment_intent]", status=400)
        details = known.get("payment_details") or {}
        link = ("invoice_payment.invoice", details.get("order_reference") or "")

    def matches(payment: Object) -> bool:
        if intent and payment["payment"]["payment_intent"] != intent:
            return False
        return not isinstance(params.status, str) or payment["status"] == params.status

    return page(tx, "invoice_payment", "/v1/invoice_payments", params, link=link, matches=matches)


def _payments(tx: Transaction, invoice: Object) -> Object:
    default, known = payments.payment_of(tx, invoice), payments.all_of(tx, invoice)
    made_now = [default] if default and default["id"] not in {one["id"] for one in known} else []
    return {
        "object": "list",
        "url": f"/v1/invoice_payments?invoice={invoice['id']}",
        "has_more": False,
        "data": [*known, *made_now],
    }


def _secret(tx: Transaction, invoice: Object) -> Object | None:
    """For the page that confirms the payment. https://docs.stripe.com/api/invoices/object"""
    intent = payments.intent_of(tx, invoice)
    if intent is None or invoice["status"] == "draft":
        return None
    return {"client_secret": intent["client_secret"], "type": "payment_intent"}


RESOURCE = Resource(
    kind="invoice",
    routes=(
        Route("GET", "/v1/invoices", listing, Listing),
        retrieve("invoice", "/v1/invoices/{id}", "invoice"),
        Route("POST", "/v1/invoices/{id}", update, Update),
        Route("POST", "/v1/invoices/{id}/finalize", finalize, Finalize),
        Route("POST", "/v1/invoices/{id}/pay", pay, Pay),
        Route("POST", "/v1/invoices/{id}/attach_payment", attach_payment, Attach),
        Route("POST", "/v1/invoices/{id}/void", void),
        Route("POST", "/v1/invoices/{id}/mark_uncollectible", mark_uncollectible),
        Route("GET", "/v1/invoices/{id}/lines", list_lines, ListParams),
    ),
    expandable=frozenset(
        {
            "customer",
            "default_payment_method",
            "discounts",
            "parent.subscription_details.subscription",
            "test_clock",
        }
    ),
    included={
        "payments": _payments,
        "confirmation_secret": _secret,
        "lines": lambda _, invoice: invoice["lines"],
    },
    linked=("customer",),
    jobs={"finalize_invoice": lifecycle.finalize_later, "retry_invoice": paying.retry},
    follows={
        "payment_intent.succeeded": paying.on_succeeded,
        "payment_intent.payment_failed": paying.on_failed,
        "payment_intent.requires_action": paying.on_requires_action,
    },
)
LINES = Resource(
    kind="line_item",
    expandable=frozenset({"subscription", "pricing.price_details.price"}),
)
PAYMENTS = Resource(
    kind="invoice_payment",
    routes=(
        Route("GET", "/v1/invoice_payments", list_payments, PaymentListing),
        retrieve("invoice_payment", "/v1/invoice_payments/{id}", "invoice_payment"),
    ),
    expandable=frozenset({"invoice", "payment.payment_intent"}),
    linked=("invoice",),
)
