"""How an invoice is paid: as many attempts at its PaymentIntent as it takes."""

from __future__ import annotations

from api.sandbox.errors import Object, StripeError
from api.sandbox.resources.attempts import attempt, needs_authentication
from api.sandbox.resources.billing import invoicing, payments
from api.sandbox.transaction import Transaction

NO_METHOD = (
    "There is no `default_payment_method` set on this Customer or Invoice. Please provide a payment method "
    "or set a default one and try again."
)
NEEDS_ACTION = (
    "This payment requires additional user action before it can be completed successfully. Payment can be "
    "completed using the PaymentIntent associated with the {what}."
)


def default_method(tx: Transaction, subscription: Object | None, invoice: Object | None = None) -> str | None:
    """The invoice's, else the subscription's, else the customer's, and last the card that an older snippet
    saved; one that was detached counts as none.
    """
    owner = subscription or invoice or {}
    customer = tx.get("customer", owner["customer"])
    for method_id in (
        invoice["default_payment_method"] if invoice else None,
        subscription["default_payment_method"] if subscription else None,
        customer["invoice_settings"]["default_payment_method"],
        customer["default_source"],
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

    A card that wants its cardholder asks here too when nobody is present, as billing does at Stripe: the
    intent waits in `requires_action` and `invoice.payment_action_required` tells of it.
    """
    chosen = method_id or default_method(tx, subscription_of(tx, invoice), invoice)
    intent = payments.intent_of(tx, invoice)
    if chosen is None or intent is None:
        raise StripeError(NO_METHOD)
    method = tx.get("payment_method", chosen, param="payment_method", status=400)
    invoice = _note_attempt(tx, invoice)
    intent = tx.update(intent, payment_method=method["id"], status="requires_confirmation", next_action=None)
    asks = needs_authentication(tx, method, off_session=not on_session)
    attempt(tx, intent, off_session=not on_session and not asks)
    return tx.get("invoice", invoice["id"])


def try_to_collect(tx: Transaction, invoice: Object) -> Object:
    """When nobody waits for the answer: a failure is told by events alone."""
    if default_method(tx, subscription_of(tx, invoice), invoice) is None:
        return fail(tx, invoice)
    try:
        return collect(tx, invoice)
    except StripeError:
        return tx.get("invoice", invoice["id"])


def _note_attempt(tx: Transaction, invoice: Object) -> Object:
    """The first attempt counts by itself; further ones do when they are automatic."""
    return tx.update(invoice, attempted=True, attempt_count=max(1, invoice["attempt_count"]))


def fail(tx: Transaction, invoice: Object) -> Object:
    """An attempt came to nothing. The next one is planned when the sandbox was told to retry by itself."""
    invoice = _note_attempt(tx, invoice)
    delays = tx.world.settings.invoice_retries_s
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


def on_succeeded(tx: Transaction, intent: Object) -> None:
    invoice = payments.invoice_of(tx, intent)
    if invoice is None or invoice["status"] not in ("open", "uncollectible"):
        return
    payment = payments.by_intent(tx, invoice, intent)
    if payment is not None:
        take(tx, invoice, payment, intent)


def take(tx: Transaction, invoice: Object, payment: Object, intent: Object) -> Object:
    """What came in by one of its payments: all that remained, or a part of it."""
    received = intent["amount_received"]
    paid = tx.update(
        payment,
        status="paid",
        amount_paid=received,
        status_transitions={**payment["status_transitions"], "paid_at": tx.now},
    )
    tx.emit("invoice_payment.paid", paid)
    left = invoice["amount_remaining"] - received
    if left > 0:
        return _leave(tx, invoice, received, left)
    if not payment["is_default"]:
        payments.give_up(tx, invoice)
    return invoicing.settle(tx, invoice, received)


def _leave(tx: Transaction, invoice: Object, received: int, left: int) -> Object:
    """The default payment is for what remains from now on."""
    default, intent = payments.payment_of(tx, invoice), payments.intent_of(tx, invoice)
    if default is not None and intent is not None and intent["status"] in payments.CANCELABLE:
        tx.update(default, amount_requested=left)
        tx.update(intent, amount=left)
    invoice = tx.update(invoice, amount_paid=invoice["amount_paid"] + received, amount_remaining=left)
    tx.emit("invoice.updated", invoice)
    return invoice


def on_failed(tx: Transaction, intent: Object) -> None:
    """A payment that was attached fails by itself: what it was to pay remains."""
    invoice = payments.invoice_of(tx, intent)
    if invoice is not None and invoice["status"] == "open" and _is_default(tx, invoice, intent):
        fail(tx, invoice)


def _is_default(tx: Transaction, invoice: Object, intent: Object) -> bool:
    payment = payments.payment_of(tx, invoice)
    return payment is not None and payment["payment"]["payment_intent"] == intent["id"]


def on_requires_action(tx: Transaction, intent: Object) -> None:
    """Stripe tells of both: that the cardholder must act, and that this attempt did not bring the money."""
    invoice = payments.invoice_of(tx, intent)
    if invoice is not None and invoice["status"] == "open" and _is_default(tx, invoice, intent):
        invoice = _note_attempt(tx, invoice)
        tx.emit("invoice.payment_action_required", invoice)
        fail(tx, invoice)


def needs_action(tx: Transaction, invoice: Object, what: str, *, keeps_work: bool) -> StripeError | None:
    """The error of a call that wanted the invoice paid, when the cardholder has to act first."""
    intent = payments.intent_of(tx, invoice)
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
