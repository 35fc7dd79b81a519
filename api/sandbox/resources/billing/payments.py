"""The payment of an invoice: its invoice payment, and the PaymentIntent behind that.

The intent names its invoice in `payment_details.order_reference`, which is the sandbox's way of finding it
again: Stripe took `payment_intent.invoice` away and says to look up invoice payments instead.
"""

from __future__ import annotations

from api.sandbox.errors import Object
from api.sandbox.resources import payment_intents
from api.sandbox.resources.capture import cancel_now
from api.sandbox.transaction import Transaction

CANCELABLE = ("requires_payment_method", "requires_confirmation", "requires_action")
DESCRIPTIONS = {
    "manual": "Invoice",
    "subscription_create": "Subscription creation",
    "subscription_cycle": "Subscription renewal",
}


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
    intent = tx.update(intent, setup_future_usage=intent["setup_future_usage"] or None)
    payment = attach(tx, invoice, intent, is_default=True)
    tx.notes[f"payment of {invoice['id']}"] = payment["id"]


def attach(tx: Transaction, invoice: Object, intent: Object, *, is_default: bool = False) -> Object:
    details = {"customer_reference": None, "order_reference": invoice["id"]}
    tx.update(intent, payment_details=details)
    return tx.add(
        {
            "id": tx.new_id("inpay_"),
            "object": "invoice_payment",
            "amount_paid": None,
            "amount_requested": intent["amount"],
            "created": tx.now,
            "currency": invoice["currency"],
            "invoice": invoice["id"],
            "is_default": is_default,
            "livemode": False,
            "payment": {"payment_intent": intent["id"], "type": "payment_intent"},
            "status": "open",
            "status_transitions": {"canceled_at": None, "paid_at": None},
        }
    )


def charges_of(tx: Transaction, invoice: Object) -> list[Object]:
    """That succeeded, of all its payments."""
    intents = [tx.get("payment_intent", one["payment"]["payment_intent"]) for one in all_of(tx, invoice)]
    return [tx.get("charge", one["latest_charge"]) for one in intents if one["status"] == "succeeded"]


def payment_of(tx: Transaction, invoice: Object) -> Object | None:
    """The default one, by which all that remains can be paid. None when nothing was due, or it is a draft."""
    here = tx.notes.get(f"payment of {invoice['id']}")
    if here:
        return tx.get("invoice_payment", here)
    return next((one for one in all_of(tx, invoice) if one["is_default"]), None)


def all_of(tx: Transaction, invoice: Object) -> list[Object]:
    """Those that were attached too, oldest first, as they were before this call began."""
    known = tx.all("invoice_payment", "invoice", invoice["id"])
    return [tx.get("invoice_payment", one["id"]) for one in known]


def by_intent(tx: Transaction, invoice: Object, intent: Object) -> Object | None:
    payments = [payment_of(tx, invoice), *all_of(tx, invoice)]
    return next((one for one in payments if one and one["payment"]["payment_intent"] == intent["id"]), None)


def intent_of(tx: Transaction, invoice: Object) -> Object | None:
    payment = payment_of(tx, invoice)
    return tx.get("payment_intent", payment["payment"]["payment_intent"]) if payment else None


def invoice_of(tx: Transaction, intent: Object) -> Object | None:
    """None when it is of no invoice."""
    details = intent.get("payment_details")
    return tx.get("invoice", details["order_reference"]) if details else None


def give_up(tx: Transaction, invoice: Object) -> None:
    """Nothing is to be paid any more."""
    payment = payment_of(tx, invoice)
    if payment is None or payment["status"] != "open":
        return
    intent = tx.get("payment_intent", payment["payment"]["payment_intent"])
    if intent["status"] in CANCELABLE:
        cancel_now(tx, intent, "void_invoice")
    transitions = {**payment["status_transitions"], "canceled_at": tx.now}
    tx.update(payment, status="canceled", status_transitions=transitions)
