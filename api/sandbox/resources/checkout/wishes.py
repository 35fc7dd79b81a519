"""What a Checkout session is asked to be, and what of it Stripe keeps to itself until somebody pays.

https://docs.stripe.com/api/checkout/sessions/create
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import msgspec
from msgspec import UNSET, UnsetType

from api.sandbox.errors import invalid
from api.sandbox.forms import Params
from api.sandbox.resources.billing.catalogue import CreateProduct, Recurring
from api.sandbox.resources.billing.wishes import TrialSettings
from api.sandbox.resources.common import Hash, Text, check_url, given
from api.sandbox.transaction import Transaction, encode

KEEP = "INSERT INTO checkout_wishes (session, body) VALUES (?, ?)"
FIND = "SELECT body FROM checkout_wishes WHERE session = ?"

Mode = Literal["payment", "subscription"]
MethodType = Literal["card", "us_bank_account"]


class _Struct(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    pass


class PriceData(_Struct, frozen=True, kw_only=True):
    currency: str
    unit_amount: Annotated[int, msgspec.Meta(ge=0, le=99_999_999)]
    product: Text = UNSET
    product_data: CreateProduct | UnsetType = UNSET
    recurring: Recurring | UnsetType = UNSET
    tax_behavior: Literal["exclusive", "inclusive", "unspecified"] | UnsetType = UNSET


class LineItem(_Struct, frozen=True, kw_only=True):
    price: Text = UNSET
    price_data: PriceData | UnsetType = UNSET
    quantity: Annotated[int, msgspec.Meta(ge=1)] = 1


class IntentData(_Struct, frozen=True, kw_only=True):
    capture_method: Literal["automatic", "automatic_async", "manual"] = "automatic_async"
    description: Text = UNSET
    metadata: Hash = UNSET
    receipt_email: Text = UNSET
    setup_future_usage: Literal["off_session", "on_session"] | UnsetType = UNSET
    shipping: Hash = UNSET
    statement_descriptor: Text = UNSET
    statement_descriptor_suffix: Text = UNSET
    transfer_group: Text = UNSET


class SubscriptionData(_Struct, frozen=True, kw_only=True):
    description: Text = UNSET
    metadata: Hash = UNSET
    trial_period_days: int | UnsetType = UNSET
    trial_end: Text = UNSET
    trial_settings: TrialSettings | UnsetType = UNSET


class Create(Params, frozen=True, kw_only=True):
    longest: ClassVar = {"client_reference_id": 200}

    mode: Mode
    line_items: tuple[LineItem, ...] = ()
    ui_mode: Literal["hosted_page"] = "hosted_page"
    success_url: Text = UNSET
    cancel_url: Text = UNSET
    client_reference_id: Text = UNSET
    customer: Text = UNSET
    customer_creation: Literal["always", "if_required"] | UnsetType = UNSET
    customer_email: Text = UNSET
    expires_at: int | UnsetType = UNSET
    metadata: Hash = UNSET
    payment_intent_data: IntentData | UnsetType = UNSET
    payment_method_types: tuple[MethodType, ...] = ()
    subscription_data: SubscriptionData | UnsetType = UNSET


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What the object that it becomes is made of."""

    payment_intent_data: IntentData = IntentData()
    subscription_data: SubscriptionData = SubscriptionData()


_decode = msgspec.json.Decoder(Kept).decode


def keep(tx: Transaction, session_id: str, params: Create) -> None:
    data, subscription = params.payment_intent_data, params.subscription_data
    kept = Kept(
        payment_intent_data=data if isinstance(data, IntentData) else IntentData(),
        subscription_data=subscription if isinstance(subscription, SubscriptionData) else SubscriptionData(),
    )
    tx.write(KEEP, (session_id, encode(kept)))


def kept(tx: Transaction, session_id: str) -> Kept:
    return _decode(tx.store.rows(FIND, (session_id,))[0][0])


def check(params: Create) -> None:
    """Raises StripeError for what does not go together."""
    if not params.line_items:
        raise invalid("Missing required param: line_items.", code="parameter_missing", param="line_items")
    if params.mode == "payment" and params.subscription_data is not UNSET:
        raise invalid("You can not pass `subscription_data` in `payment` mode.", param="subscription_data")
    if params.mode == "subscription" and params.payment_intent_data is not UNSET:
        raise invalid(
            "You can not pass `payment_intent_data` in `subscription` mode.", param="payment_intent_data"
        )
    if given(params.customer) and given(params.customer_email):
        raise invalid(
            "You may only specify one of these parameters: customer, customer_email.", param="customer_email"
        )
    if given(params.success_url) is None:
        raise invalid("Missing required param: success_url.", code="parameter_missing", param="success_url")
    check_url("success_url", params.success_url)
    check_url("cancel_url", params.cancel_url)
