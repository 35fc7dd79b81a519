"""What a person does on the page of a session that begins a subscription."""

from __future__ import annotations

from msgspec import UNSET

from api.sandbox.errors import Object, StripeError
from api.sandbox.resources import attempts, customers, setup_intents
from api.sandbox.resources.billing import lifecycle, payments, subscriptions
from api.sandbox.resources.billing.plan import ItemParams
from api.sandbox.resources.checkout import line_items, wishes
from api.sandbox.resources.payment_methods import attach_to
from api.sandbox.transaction import Transaction


def new_customer(tx: Transaction, session: Object) -> str:
    made = customers.create(tx, customers.Create(email=session["customer_email"] or UNSET))
    return str(made["id"])


def subscribe(tx: Transaction, session: Object, method: Object, *, authenticates: bool) -> Object:
    """Made once the first invoice is paid, or the trial begins: a declined card, and a challenge that is
    failed, leave nothing behind. Raises StripeError then.
    """
    data = wishes.kept(tx, session["id"]).subscription_data
    customer = session["customer"] or new_customer(tx, session)
    method = attach_to(tx, method["id"], customer)
    asks = attempts.needs_authentication(tx, method, off_session=False)
    subscription = subscriptions.create(
        tx,
        subscriptions.Create(
            customer=customer,
            items=tuple(
                ItemParams(price=item["price"]["id"], quantity=item["quantity"])
                for item in line_items.of(tx, session["id"])
            ),
            default_payment_method=method["id"],
            description=data.description,
            metadata=data.metadata,
            payment_behavior="allow_incomplete" if asks else "error_if_incomplete",
            trial_end=data.trial_end,
            trial_period_days=data.trial_period_days,
            trial_settings=data.trial_settings,
        ),
    )
    if asks:
        subscription = _asked(tx, subscription, authenticates=authenticates)
    session = tx.update(
        session,
        status="complete",
        url=None,
        customer=customer,
        subscription=subscription["id"],
        invoice=subscription["latest_invoice"],
        payment_status="no_payment_required" if subscription["status"] == "trialing" else "paid",
    )
    tx.emit("checkout.session.completed", session)
    return session


def _asked(tx: Transaction, subscription: Object, *, authenticates: bool) -> Object:
    """After its card's bank was told who pays, or whose card it is that is charged when the trial is over."""
    if not authenticates:
        raise _declined(attempts.FAILED_AUTHENTICATION, "payment_intent_authentication_failure")
    setup_id = subscription["pending_setup_intent"]
    if setup_id:
        setup = setup_intents.pass_challenge(tx, tx.get("setup_intent", setup_id))
        if setup["status"] == "succeeded":
            lifecycle.note(tx, subscription, pending_setup_intent=None)
    intent = payments.intent_of(tx, tx.get("invoice", subscription["latest_invoice"]))
    if intent is not None and intent["status"] == "requires_action":
        attempts.pass_challenge(tx, intent)
    after = tx.get("subscription", subscription["id"])
    if after["status"] == "incomplete" or after["pending_setup_intent"]:
        raise _declined("Your card was declined.", "card_declined")
    return after


def _declined(message: str, code: str) -> StripeError:
    return StripeError(message, status=402, kind="card_error", code=code)
