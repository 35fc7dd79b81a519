"""A subscription's card made ready while nothing is to be paid with it: on a trial, and when it is changed.
https://docs.stripe.com/api/subscriptions/object#subscription_object-pending_setup_intent
"""

from __future__ import annotations

from api.sandbox.errors import Object, StripeError
from api.sandbox.resources import payment_intents, setup_intents
from api.sandbox.resources.billing import lifecycle, paying
from api.sandbox.transaction import Transaction


def begin(tx: Transaction, subscription: Object) -> Object:
    """Shown as `pending_setup_intent` as long as the cardholder, or a card, is waited for. A card that was
    changed again leaves the SetupIntent of the one before.
    """
    if subscription["status"] in lifecycle.ENDED:
        return subscription
    forget(tx, subscription)
    method = paying.default_method(tx, subscription)
    params = setup_intents.Create(
        customer=subscription["customer"],
        payment_method=method or "",
        payment_method_types=payment_intents.TYPES,
    )
    setup = setup_intents.create(tx, params)
    if method is not None:
        try:
            setup = setup_intents.attempt(tx, setup)
        except StripeError:
            setup = tx.get("setup_intent", setup["id"])
    waits = setup["id"] if setup["status"] in setup_intents.OPEN else None
    return lifecycle.note(tx, subscription, pending_setup_intent=waits)


def forget(tx: Transaction, subscription: Object) -> None:
    """Nobody waits for it any more."""
    pending = subscription["pending_setup_intent"]
    setup = tx.get("setup_intent", pending) if pending else None
    if setup is not None and setup["status"] in setup_intents.OPEN:
        tx.update(subscription, pending_setup_intent=None)
        setup_intents.cancel_now(tx, setup)


def on_concluded(tx: Transaction, setup: Object) -> None:
    """It succeeded, or was canceled: the subscription waits no longer."""
    for known in tx.all("subscription", "pending_setup_intent", setup["id"]):
        subscription = tx.get("subscription", known["id"])
        if subscription["pending_setup_intent"] != setup["id"]:
            continue
        changes: Object = {"pending_setup_intent": None}
        saves = subscription["payment_settings"]["save_default_payment_method"] == "on_subscription"
        if saves and setup["status"] == "succeeded":
            changes["default_payment_method"] = setup["payment_method"]
        lifecycle.note(tx, subscription, **changes)
