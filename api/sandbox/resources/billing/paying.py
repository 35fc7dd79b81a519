"""How an invoice is paid: one PaymentIntent, as many attempts as it takes.

The intent names its invoice in `payment_details.order_reference`, which is the sandbox's way of finding it
again: Stripe took `payment_intent.invoice` away and says to look up invoice payments instead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from api.sandbox.errors import Object, StripeError
from api.sandbox.resources import payment_intents
from api.sandbox.resources.attempts import attempt
from api.sandbox.resources.billing import invoicing
from api.sandbox.resources.payment_methods import behaviour_of

if TYPE_CHECKING:
    from api.sandbox.transaction import Transaction

DESCRIPTIONS = {"subscription_create": "Subscription creation", "subscription_cycle": "Subscription renewal"}
NO_METHOD = (
    "There is no `default_payment_method` set on this Customer or Invoice. Please provide a payment method "
    "or set a default one and try again."
)
NEEDS_ACTION = (
    "This payment requires additional user action before it can be completed successfully. Payment can be "
    "completed using the PaymentIntent associated with the {what}."
)


def prepare(tx: Transaction, invoice: Object) -> None:
    """The intent and the invoice payment of an invoice that is due."""
    first = invoice["billing_reason"] == "subscription_create"
    params = payment_intents.Create(
        amount=invoice["amount_due"],
        currency=invoice["currency"],
        customer=invoice["customer"],
        description=DESCRIPTIONS.get(invoice["billing_reason"], "Subscription update"),
        payment_method_types=payment_intents.TYPES,
        capture_method="automatic",
        setup_future_usage="off_session" if first else "",
    )
    intent = payment_intents.create(tx, params)
    details = {"customer_reference": None, "order_reference": invoice["id"]}
    tx.update(intent, payment_details=details, setup_future_usage=intent["setup_future_usage"] or None)
    payment = tx.add(
        {
            "id": tx.new_id("inpay_"),
            "object": "invoice_payment",
            "amount_paid": None,
            "amount_requested": invoice["amount_due"],
            "created": tx.now,
            "currency": invoice["currency"],
            "invoice": invoice["id"],
            "is_default": True,
            "livemode": False,
            "payment": {"payment_intent": intent["id"], "type": "payment_intent"},
            "status": "open",
            "status_transitions": {"canceled_at": None, "paid_at": None},
        }
    )
    tx.notes[f"payment of {invoice['id']}"] = payment["id"]


def payment_of(tx: Transaction, invoice: Object) -> Object | None:
    """None when nothing was due, or it is a draft."""
    here = tx.notes.get(f"payment of {invoice['id']}")
    if here:
        return tx.get("invoice_payment", here)
    known = tx.all("invoice_payment", "invoice", invoice["id"])
    return tx.get("invoice_payment", known[-1]["id"]) if known else None


def intent_of(tx: Transaction, invoice: Object) -> Object | None:
    payment = payment_of(tx, invoice)
    return tx.get("payment_intent", payment["payment"]["payment_intent"]) if payment else None


def default_method(tx: Transaction, subscription: Object | None, invoice: Object | None = None) -> str | None:
    """The invoice's, else the subscription's, else the customer's; one that was detached counts as none."""
    owner = subscription or invoice or {}
    customer = tx.get("customer", owner["customer"])
    for method_id in (
        invoice["default_payment_method"] if invoice else None,
        subscription["default_payment_method"] if subscription else None,
        customer["invoice_settings"]["default_payment_method"],
    ):
        method = tx.find(method_id) if method_id else None
        if method is not None and method["customer"] == customer["id"]:
            return str(method["id"])
    return None


def subscription_of(tx: Transaction, invoice: Object) -> Object | None:
    parent = invoice["parent"] or {}
    details = parent.get("subscription_details")
    return tx.find(details["subscription"]) if details else None


def collect(
    tx: Transaction, invoice: Object, method_id: str | None = None, *, on_session: bool = False
) -> Object:
    """Try to be paid by `method_id`, or by the default. Raises StripeError, with its work kept, when the
    issuer declines; the invoice stays open, also when the cardholder must act first.

    A card that always asks is asked here too when nobody is present, as billing does at Stripe: the intent
    waits in `requires_action` and `invoice.payment_action_required` tells of it.
    """
    chosen = method_id or default_method(tx, subscription_of(tx, invoice), invoice)
    intent = intent_of(tx, invoice)
    if chosen is None or intent is None:
        raise StripeError(NO_METHOD)
    method = tx.get("payment_method", chosen, param="payment_method", status=400)
    invoice = tx.update(invoice, attempted=True, attempt_count=max(1, invoice["attempt_count"]))
    intent = tx.update(intent, payment_method=method["id"], status="requires_confirmation", next_action=None)
    asks_always = behaviour_of(method).authentication == "always"
    attempt(tx, intent, off_session=not on_session and not asks_always)
    return tx.get("invoice", invoice["id"])


def try_to_collect(tx: Transaction, invoice: Object) -> Object:
    """When nobody waits for the answer: a failure is told by events alone."""
    if default_method(tx, subscription_of(tx, invoice), invoice) is None:
        return fail(tx, invoice)
    try:
        return collect(tx, invoice)
    except StripeError:
        return tx.get("invoice", invoice["id"])


def fail(tx: Transaction, invoice: Object) -> Object:
    """An attempt came to nothing. The next one is planned when the sandbox was told to retry by itself."""
    invoice = tx.update(invoice, attempted=True, attempt_count=max(1, invoice["attempt_count"]))
    delays = tx.state.settings.invoice_retries_s
    done = invoice["attempt_count"]
    planned = invoice["next_payment_attempt"]
    if invoice["auto_advance"] and done <= len(delays) and (planned is None or planned <= tx.now):
        planned = tx.now + delays[done - 1]
        tx.later(planned, "retry_invoice", invoice["id"])
    elif planned is not None and planned <= tx.now:
        planned = None
    invoice = tx.update(invoice, next_payment_attempt=planned)
    tx.emit("invoice.payment_failed", invoice)
    return tx.get("invoice", invoice["id"])


def retry(tx: Transaction, invoice_id: str) -> None:
    """An automatic retry, which counts as an attempt; those that `pay` asks for do not, after the first."""
    invoice = tx.get("invoice", invoice_id)
    if invoice["status"] == "open" and invoice["next_payment_attempt"] == tx.now:
        invoice = tx.update(invoice, attempt_count=invoice["attempt_count"] + 1)
        try_to_collect(tx, invoice)


def _invoice_of(tx: Transaction, intent: Object) -> Object | None:
    details = intent.get("payment_details")
    return tx.get("invoice", details["order_reference"]) if details else None


def on_succeeded(tx: Transaction, intent: Object) -> None:
    invoice = _invoice_of(tx, intent)
    if invoice is None or invoice["status"] not in ("open", "uncollectible"):
        return
    payment = payment_of(tx, invoice)
    if payment is not None:
        paid = tx.update(
            payment,
            status="paid",
            amount_paid=intent["amount_received"],
            status_transitions={**payment["status_transitions"], "paid_at": tx.now},
        )
        tx.emit("invoice_payment.paid", paid)
    invoicing.settle(tx, invoice, intent["amount_received"])


def on_failed(tx: Transaction, intent: Object) -> None:
    invoice = _invoice_of(tx, intent)
    if invoice is not None and invoice["status"] == "open":
        fail(tx, invoice)


def on_requires_action(tx: Transaction, intent: Object) -> None:
    """Stripe tells of both: that the cardholder must act, and that this attempt did not bring the money."""
    invoice = _invoice_of(tx, intent)
    if invoice is not None and invoice["status"] == "open":
        invoice = tx.update(invoice, attempted=True, attempt_count=max(1, invoice["attempt_count"]))
        tx.emit("invoice.payment_action_required", invoice)
        fail(tx, invoice)


def needs_action(tx: Transaction, invoice: Object, what: str, *, keeps_work: bool) -> StripeError | None:
    """The error of a call that wanted the invoice paid, when the cardholder has to act first."""
    intent = intent_of(tx, invoice)
    if intent is None or intent["status"] != "requires_action":
        return None
    return StripeError(
        NEEDS_ACTION.format(what=what),
        status=402,
        kind="card_error",
        code=f"{what}_payment_intent_requires_action",
        keeps_work=keeps_work,
        extra={"payment_intent": intent},
    )
