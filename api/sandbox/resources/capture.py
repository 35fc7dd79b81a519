"""Capturing and canceling PaymentIntents."""

from __future__ import annotations

from typing import Literal

from msgspec import UNSET, UnsetType

from api.sandbox.errors import Object, StripeError, intent_state, invalid
from api.sandbox.forms import Params
from api.sandbox.money import check_amount
from api.sandbox.resources import charges, refunds
from api.sandbox.resources.common import Hash, merge_metadata
from api.sandbox.transaction import Transaction


class Capture(Params, frozen=True, kw_only=True):
    amount_to_capture: int | UnsetType = UNSET
    metadata: Hash = UNSET


class Cancel(Params, frozen=True, kw_only=True):
    cancellation_reason: Literal["duplicate", "fraudulent", "requested_by_customer", "abandoned"] | None = (
        None
    )


def capture(tx: Transaction, intent_id: str, params: Capture) -> Object:
    """What is not captured of an authorisation is given back."""
    intent = tx.get("payment_intent", intent_id, param="intent")
    if intent["status"] != "requires_capture":
        raise intent_state(intent, "captured")
    amount = intent["amount_capturable"]
    if isinstance(params.amount_to_capture, int):
        amount = check_amount(
            params.amount_to_capture, intent["currency"], param="amount_to_capture", smallest=1
        )
        if amount > intent["amount_capturable"]:
            raise invalid(
                f"The requested capture amount ({amount}) is greater than what can be captured "
                f"({intent['amount_capturable']}).",
                code="amount_too_large",
                param="amount_to_capture",
            )
    charge = tx.get("charge", intent["latest_charge"])
    left = charge["amount"] - amount
    charge = tx.update(charge, captured=True, amount_captured=amount)
    charge = charges.settle(tx, charge)
    if left:
        charge = tx.update(charge, amount_refunded=left)
    intent = tx.update(
        intent,
        status="succeeded",
        amount_capturable=0,
        amount_received=amount,
        metadata=merge_metadata(intent["metadata"], params.metadata),
    )
    tx.emit("charge.captured", charge)
    tx.emit("payment_intent.succeeded", intent)
    return intent


def cancel(tx: Transaction, intent_id: str, params: Cancel) -> Object:
    intent = tx.get("payment_intent", intent_id, param="intent")
    if intent["status"] in ("succeeded", "canceled", "processing"):
        raise intent_state(intent, "canceled")
    if intent.get("payment_details"):
        raise StripeError(
            "You cannot cancel this PaymentIntent because it belongs to an invoice. "
            "Void the invoice instead.",
            code="payment_intent_unexpected_state",
        )
    return cancel_now(tx, intent, params.cancellation_reason)


def cancel_now(tx: Transaction, intent: Object, reason: str | None) -> Object:
    if intent["status"] == "requires_capture":
        refunds.release_authorization(tx, tx.get("charge", intent["latest_charge"]))
    intent = tx.update(
        intent,
        status="canceled",
        canceled_at=tx.now,
        cancellation_reason=reason,
        amount_capturable=0,
        next_action=None,
    )
    tx.emit("payment_intent.canceled", intent)
    return intent


def expire(tx: Transaction, intent_id: str) -> None:
    """An authorisation that nobody captured in seven days."""
    intent = tx.get("payment_intent", intent_id)
    if intent["status"] == "requires_capture":
        tx.emit("charge.expired", tx.get("charge", intent["latest_charge"]))
        cancel_now(tx, intent, "automatic")
