"""What a person does on a session's page: pays it with a card or from a bank account.

https://docs.stripe.com/payments/checkout/fulfillment
"""

from __future__ import annotations

from msgspec import UNSET

from api.sandbox.errors import Object, StripeError, invalid
from api.sandbox.resources import attempts, payment_intents
from api.sandbox.resources.checkout import wishes
from api.sandbox.resources.checkout.subscribing import new_customer, subscribe
from api.sandbox.resources.payment_methods import resolve
from api.sandbox.transaction import Transaction


def pay(tx: Transaction, session: Object, method_name: str, *, authenticates: bool = True) -> Object:
    """Complete, or still open when the card is declined: then the person may try another one.

    `authenticates` says what becomes of a bank's challenge, which the page asks for by itself.
    """
    if session["status"] != "open":
        raise StripeError(f"{session['id']} is {session['status']}: nothing can be paid on its page.")
    method = resolve(tx, method_name, param="payment_method")
    if method["type"] not in session["payment_method_types"]:
        raise invalid(f"{session['id']} takes no {method['type']}.", param="payment_method")
    if session["mode"] == "subscription":
        return subscribe(tx, session, method, authenticates=authenticates)
    intent = _attempted(tx, _intent(tx, session, method), authenticates=authenticates)
    session = tx.update(session, payment_intent=intent["id"], customer=intent["customer"])
    return session if intent["status"] == "requires_payment_method" else _complete(tx, session, intent)


def _intent(tx: Transaction, session: Object, method: Object) -> Object:
    """A declined attempt's is used again: a session has one PaymentIntent."""
    if session["payment_intent"]:
        intent = tx.get("payment_intent", session["payment_intent"])
        return tx.update(intent, payment_method=method["id"])
    data = wishes.kept(tx, session["id"]).payment_intent_data
    customer = session["customer"]
    if customer is None and (data.setup_future_usage or session["customer_creation"] == "always"):
        customer = new_customer(tx, session)
    intent = payment_intents.create(
        tx,
        payment_intents.Create(
            amount=session["amount_total"],
            currency=session["currency"],
            capture_method=data.capture_method,
            customer=customer or UNSET,
            description=data.description,
            metadata=data.metadata,
            payment_method_types=session["payment_method_types"],
            receipt_email=data.receipt_email,
            setup_future_usage=data.setup_future_usage,
            shipping=data.shipping,
            statement_descriptor=data.statement_descriptor,
            statement_descriptor_suffix=data.statement_descriptor_suffix,
            transfer_group=data.transfer_group,
        ),
    )
    return tx.update(intent, payment_method=method["id"])


def _attempted(tx: Transaction, intent: Object, *, authenticates: bool) -> Object:
    """A decline is no error here: the page shows it, and what it did is kept."""
    try:
        tried = attempts.attempt(tx, intent)
        if tried["status"] != "requires_action":
            return tried
        end = attempts.pass_challenge if authenticates else attempts.fail_challenge
        return end(tx, tried)
    except StripeError as error:
        if not error.keeps_work:
            raise
        return tx.get("payment_intent", intent["id"])


def _complete(tx: Transaction, session: Object, intent: Object) -> Object:
    """A bank's debit is not paid yet, and its outcome an event of its own."""
    paid = intent["status"] in ("succeeded", "requires_capture")
    session = tx.update(session, status="complete", url=None, payment_status="paid" if paid else "unpaid")
    tx.emit("checkout.session.completed", session)
    return session


def on_succeeded(tx: Transaction, intent: Object) -> None:
    for session in _unpaid(tx, intent):
        paid = tx.update(session, payment_status="paid")
        tx.emit("checkout.session.async_payment_succeeded", paid)


def on_failed(tx: Transaction, intent: Object) -> None:
    for session in _unpaid(tx, intent):
        tx.emit("checkout.session.async_payment_failed", session)


def _unpaid(tx: Transaction, intent: Object) -> list[Object]:
    """Complete, and paid by a debit that was still under way."""
    return [
        session
        for session in tx.all("checkout.session", "payment_intent", intent["id"])
        if session["status"] == "complete" and session["payment_status"] == "unpaid"
    ]
