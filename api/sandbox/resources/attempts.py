"""One attempt to take a PaymentIntent's money: declined, authenticated, authorised, captured."""

from __future__ import annotations

from api.sandbox.errors import Object, StripeError
from api.sandbox.resources import charges
from api.sandbox.resources.payment_methods import behaviour_of, is_set_up, note_set_up
from api.sandbox.testing_methods import NEEDS_AUTHENTICATION, Decline
from api.sandbox.transaction import Transaction

FAILED_AUTHENTICATION = (
    "The provided PaymentMethod has failed authentication. You can provide payment_method_data or a new "
    "PaymentMethod to attempt to fulfill this PaymentIntent again."
)


def attempt(
    tx: Transaction,
    intent: Object,
    *,
    off_session: bool = False,
    return_url: str | None = None,
    refuse_action: bool = False,
) -> Object:
    """Raises a card error, with its work kept, when the issuer says no."""
    method = tx.get("payment_method", intent["payment_method"], param="payment_method", status=400)
    test = behaviour_of(method)
    if needs_authentication(tx, method, off_session=off_session):
        if off_session or refuse_action:
            raise decline(tx, intent, method, NEEDS_AUTHENTICATION)
        return _ask_for_action(tx, intent, return_url)
    if test.bank:
        return _start_debit(tx, intent, method, stuck=test.stuck)
    if test.decline:
        raise decline(tx, intent, method, test.decline)
    return authorise(tx, intent, method)


def needs_authentication(tx: Transaction, method: Object, *, off_session: bool) -> bool:
    """A card that only has to be set up asks no more off session once it was: by a SetupIntent, or by a
    payment with `setup_future_usage`. Being attached is not enough.
    """
    test = behaviour_of(method)
    if test.authentication == "unless_set_up":
        return not (off_session and is_set_up(tx, method))
    return bool(test.authentication)


def authorise(tx: Transaction, intent: Object, method: Object) -> Object:
    """The issuer said yes: captured at once, unless the capture is manual."""
    intent = _save_method(tx, intent, method)
    if intent["capture_method"] == "manual":
        charge = charges.new(tx, intent, method, status="succeeded", captured=False)
        intent = tx.update(
            intent,
            status="requires_capture",
            amount_capturable=intent["amount"],
            latest_charge=charge["id"],
            last_payment_error=None,
            next_action=None,
        )
        tx.emit("charge.succeeded", charge)
        tx.emit("payment_intent.amount_capturable_updated", intent)
        tx.later(tx.now + charges.AUTHORIZED_FOR_S, "expire_authorization", intent["id"])
        return intent
    return succeed(tx, intent, charges.new(tx, intent, method, status="succeeded", captured=True), method)


def succeed(tx: Transaction, intent: Object, charge: Object, method: Object) -> Object:
    """The money is taken; booked now, or soon after for `automatic_async` cards."""
    later = intent["capture_method"] == "automatic_async" and method["type"] == "card"
    if later:
        tx.later(tx.now + tx.world.settings.settle_charge_s, "settle_charge", charge["id"])
    else:
        charge = charges.settle(tx, charge)
    intent = tx.update(
        intent,
        status="succeeded",
        amount_received=charge["amount_captured"],
        amount_capturable=0,
        latest_charge=charge["id"],
        last_payment_error=None,
        next_action=None,
    )
    tx.emit("charge.succeeded", charge)
    tx.emit("payment_intent.succeeded", intent)
    test = behaviour_of(method)
    if test.dispute:
        tx.later(tx.now, "open_dispute", charge["id"])
    return intent


def decline(tx: Transaction, intent: Object, method: Object, reason: Decline) -> StripeError:
    """Record a failed charge, and give back the error to raise."""
    charge = charges.new(tx, intent, method, status="failed", captured=False)
    charge = tx.update(
        charge,
        failure_code=reason.code,
        failure_message=reason.message,
        outcome=charges.declined_outcome(reason),
    )
    tx.emit("charge.failed", charge)
    return _fail(tx, intent, method, reason, charge["id"])


def _fail(tx: Transaction, intent: Object, method: Object, reason: Decline, charge_id: str) -> StripeError:
    error = StripeError(
        reason.message,
        status=402,
        kind="card_error",
        code=reason.code,
        decline_code=reason.decline_code,
        keeps_work=True,
        extra={"charge": charge_id},
    )
    error.error |= {"payment_method": method}
    intent = tx.update(
        intent,
        status="requires_payment_method",
        payment_method=None,
        latest_charge=charge_id,
        last_payment_error=dict(error.error),
        next_action=None,
    )
    tx.emit("payment_intent.payment_failed", intent)
    error.error["payment_intent"] = intent
    return error


def _ask_for_action(tx: Transaction, intent: Object, return_url: str | None) -> Object:
    action = challenge(tx, intent, return_url)
    intent = tx.update(intent, status="requires_action", next_action=action, last_payment_error=None)
    tx.emit("payment_intent.requires_action", intent)
    return intent


def challenge(tx: Transaction, intent: Object, return_url: str | None) -> Object:
    """With a return_url the customer is sent to a page of the sandbox; else Stripe.js would take over,
    for which the sandbox has control endpoints instead.
    """
    url = f"{tx.world.base_url}/_sandbox/challenge/{intent['id']}"
    if return_url:
        return {"type": "redirect_to_url", "redirect_to_url": {"return_url": return_url, "url": url}}
    sdk = {"type": "three_d_secure_redirect", "stripe_js": url, "source": intent["payment_method"]}
    return {"type": "use_stripe_sdk", "use_stripe_sdk": sdk}


def pass_challenge(tx: Transaction, intent: Object) -> Object:
    """The customer proved who they are; the issuer may still decline, which is no error of this call."""
    method = tx.get("payment_method", intent["payment_method"])
    reason = behaviour_of(method).decline
    if reason:
        decline(tx, intent, method, reason)
        return tx.get("payment_intent", intent["id"])
    return authorise(tx, intent, method)


def fail_challenge(tx: Transaction, intent: Object) -> Object:
    method = tx.get("payment_method", intent["payment_method"])
    error = StripeError(FAILED_AUTHENTICATION, code="payment_intent_authentication_failure")
    intent = tx.update(
        intent,
        status="requires_payment_method",
        payment_method=None,
        last_payment_error=error.error | {"payment_method": method},
        next_action=None,
    )
    tx.emit("payment_intent.payment_failed", intent)
    return intent


def _start_debit(tx: Transaction, intent: Object, method: Object, *, stuck: bool) -> Object:
    intent = _save_method(tx, intent, method)
    charge = charges.new(tx, intent, method, status="pending", captured=True)
    intent = tx.update(
        intent, status="processing", latest_charge=charge["id"], last_payment_error=None, next_action=None
    )
    tx.emit("charge.pending", charge)
    tx.emit("payment_intent.processing", intent)
    if not stuck:
        tx.later(tx.now + tx.world.settings.bank_debit_s, "settle_debit", intent["id"])
    return intent


def settle_debit(tx: Transaction, intent_id: str) -> None:
    """What the bank account's test number says; nothing when it was settled by hand meanwhile."""
    intent = tx.get("payment_intent", intent_id)
    if intent["status"] != "processing":
        return
    method = tx.get("payment_method", intent["payment_method"])
    end_debit(tx, intent, behaviour_of(method).decline)


def end_debit(tx: Transaction, intent: Object, reason: Decline | None) -> Object:
    method = tx.get("payment_method", intent["payment_method"])
    charge = tx.get("charge", intent["latest_charge"])
    if reason is None:
        charge = tx.update(charge, status="succeeded", paid=True, amount_captured=charge["amount"])
        return succeed(tx, intent, charge, method)
    charge = tx.update(
        charge,
        status="failed",
        captured=False,
        failure_code=reason.code,
        failure_message=reason.message,
        outcome=charges.declined_outcome(reason),
    )
    tx.emit("charge.failed", charge)
    _fail(tx, intent, method, reason, charge["id"])
    return tx.get("payment_intent", intent["id"])


def _save_method(tx: Transaction, intent: Object, method: Object) -> Object:
    """`setup_future_usage` attaches the method to the customer once the issuer said yes."""
    if intent["setup_future_usage"] and intent["customer"] and not method["customer"]:
        attached = tx.update(method, customer=intent["customer"])
        tx.emit("payment_method.attached", attached)
    if intent["setup_future_usage"] == "off_session":
        note_set_up(tx, method)
    return intent
