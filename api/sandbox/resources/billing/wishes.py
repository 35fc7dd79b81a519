"""Parameters that creating and updating a subscription share, and the fields that they become."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import msgspec
from msgspec import UNSET, UnsetType

from api.sandbox.errors import Object, invalid
from api.sandbox.forms import Params
from api.sandbox.resources.billing.discounts import Wishes
from api.sandbox.resources.billing.lifecycle import NO_DETAILS
from api.sandbox.resources.billing.plan import ItemParams, ProrationBehavior
from api.sandbox.resources.common import Hash, Text, given
from api.sandbox.transaction import Transaction

Feedback = Literal[
    "",
    "customer_service",
    "low_quality",
    "missing_features",
    "other",
    "switched_service",
    "too_complex",
    "too_expensive",
    "unused",
]


class _Struct(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    pass


class EndBehavior(_Struct, frozen=True, kw_only=True):
    missing_payment_method: Literal["cancel", "create_invoice", "pause"]


class TrialSettings(_Struct, frozen=True, kw_only=True):
    end_behavior: EndBehavior


class PaymentSettings(_Struct, frozen=True, kw_only=True):
    save_default_payment_method: Literal["off", "on_subscription"] | UnsetType = UNSET
    payment_method_types: tuple[Literal["card", "us_bank_account"], ...] | Literal[""] | UnsetType = UNSET


class Details(_Struct, frozen=True, kw_only=True):
    comment: Text = UNSET
    feedback: Feedback | UnsetType = UNSET


class Fields(Params, frozen=True, kw_only=True):
    """`off_session` is taken and has no effect: what a card asks for follows from its number."""

    longest: ClassVar = {"description": 500}

    items: tuple[ItemParams, ...] = ()
    default_payment_method: Text = UNSET
    description: Text = UNSET
    metadata: Hash = UNSET
    cancel_at: Text = UNSET
    cancel_at_period_end: bool | UnsetType = UNSET
    discounts: Wishes = UNSET
    trial_end: Text = UNSET
    trial_settings: TrialSettings | UnsetType = UNSET
    payment_settings: PaymentSettings | UnsetType = UNSET
    proration_behavior: ProrationBehavior | UnsetType = UNSET
    collection_method: Literal["charge_automatically"] = "charge_automatically"
    off_session: bool | UnsetType = UNSET


def moment(sent: Text, param: str) -> int | None:
    """Unix seconds; None when it was not sent or sent empty."""
    text = given(sent)
    if text is None:
        return None
    if not text.isdecimal():
        raise invalid(f"Invalid timestamp: {text}. Must be an integer Unix timestamp.", param=param)
    return int(text)


def trial_end(tx: Transaction, sent: Text) -> int | None:
    """`now` is this moment."""
    return tx.now if sent == "now" else moment(sent, "trial_end")


def method_of(tx: Transaction, customer_id: str, sent: Text) -> str | None:
    method_id = given(sent)
    if method_id is None:
        return None
    method = tx.get("payment_method", method_id, param="default_payment_method", status=400)
    if method["customer"] != customer_id:
        raise invalid(
            f"The customer does not have a payment method with the ID {method_id}. "
            "The payment method must be attached to the customer.",
            code="resource_missing",
            param="default_payment_method",
        )
    return method_id


def trial_settings(sent: TrialSettings | UnsetType) -> Object:
    behavior = sent.end_behavior.missing_payment_method if isinstance(sent, TrialSettings) else ""
    return {"end_behavior": {"missing_payment_method": behavior or "create_invoice"}}


def payment_settings(before: Object, sent: PaymentSettings | UnsetType) -> Object:
    settings = dict(before)
    if isinstance(sent, PaymentSettings):
        if isinstance(sent.save_default_payment_method, str):
            settings["save_default_payment_method"] = sent.save_default_payment_method
        if not isinstance(sent.payment_method_types, UnsetType):
            settings["payment_method_types"] = sent.payment_method_types or None
    return settings


def ending(tx: Transaction, params: Fields, period_end: int) -> Object:
    """The fields about an end that was asked for, or taken back."""
    at = moment(params.cancel_at, "cancel_at")
    if at is not None and params.cancel_at_period_end is True:
        raise invalid("You may only specify one of: cancel_at, cancel_at_period_end.", param="cancel_at")
    if at is not None and at <= tx.now:
        raise invalid("cancel_at must be in the future.", param="cancel_at")
    if params.cancel_at_period_end is True:
        at = period_end
    if at is not None:
        details = {**NO_DETAILS, "reason": "cancellation_requested"}
        return {
            "cancel_at": at,
            "cancel_at_period_end": params.cancel_at_period_end is True,
            "canceled_at": tx.now,
            "cancellation_details": details,
        }
    if params.cancel_at == "" or params.cancel_at_period_end is False:
        return {
            "cancel_at": None,
            "cancel_at_period_end": False,
            "canceled_at": None,
            "cancellation_details": NO_DETAILS,
        }
    return {}


def details(before: Object | None, sent: Details | UnsetType, **changes: Any) -> Object:
    found = {**(before or NO_DETAILS), **changes}
    if isinstance(sent, Details):
        if not isinstance(sent.comment, UnsetType):
            found["comment"] = sent.comment or None
        if not isinstance(sent.feedback, UnsetType):
            found["feedback"] = sent.feedback or None
    return found
