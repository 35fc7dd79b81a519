"""What requests that name no version may ask for beside the rest: those of an account whose default
version is older, as snippets and the official CLI have them. https://docs.stripe.com/upgrades

Answers are of the sandbox's version all the same.
"""

from __future__ import annotations

import msgspec
from msgspec import UNSET

from api.sandbox.errors import Object, StripeError, invalid
from api.sandbox.forms import Params
from api.sandbox.registry import NoParams, Resource, Route
from api.sandbox.resources import payment_intents, setup_intents
from api.sandbox.resources.billing import coupons
from api.sandbox.resources.checkout import paying
from api.sandbox.transaction import Transaction

_CARD: tuple[payment_intents.MethodType, ...] = ("card",)


class CreateCode(coupons.CreateCode, frozen=True, kw_only=True):
    """`coupon` instead of `promotion`."""

    promotion: coupons.Promotion | None = None  # type: ignore[assignment]  # which is not asked for here
    coupon: str = ""


class Confirm(Params, frozen=True, kw_only=True):
    payment_method: str
    expected_amount: int


def create_code(tx: Transaction, params: CreateCode) -> Object:
    if params.promotion is None:
        if not params.coupon:
            raise invalid("Missing required param: coupon.", code="parameter_missing", param="coupon")
        promotion = coupons.Promotion(type="coupon", coupon=params.coupon)
        params = msgspec.structs.replace(params, promotion=promotion)
    return coupons.create_code(tx, params)


def create_intent(tx: Transaction, params: payment_intents.Create) -> Object:
    """Cards alone, unless it says otherwise, so that no payment leads away from the page."""
    if params.automatic_payment_methods is UNSET and not params.payment_method_types:
        params = msgspec.structs.replace(params, payment_method_types=_CARD)
    return payment_intents.create(tx, params)


def create_setup(tx: Transaction, params: setup_intents.Create) -> Object:
    if params.automatic_payment_methods is UNSET and not params.payment_method_types:
        params = msgspec.structs.replace(params, payment_method_types=_CARD)
    return setup_intents.create(tx, params)


def checkout_page(tx: Transaction, session_id: str, _: NoParams) -> Object:
    """What a session's page asks Stripe, as far as the CLI does: nothing that is documented."""
    return tx.get("checkout.session", session_id)


def pay_checkout(tx: Transaction, session_id: str, params: Confirm) -> Object:
    session = tx.get("checkout.session", session_id)
    if params.expected_amount != session["amount_total"]:
        raise StripeError("The amount has changed meanwhile.", code="checkout_amount_mismatch")
    return paying.pay(tx, session, params.payment_method)


RESOURCE = Resource(
    kind="older",
    routes=(
        Route("POST", "/v1/promotion_codes", create_code, CreateCode, older=True),
        Route("POST", "/v1/payment_intents", create_intent, payment_intents.Create, older=True),
        Route("POST", "/v1/setup_intents", create_setup, setup_intents.Create, older=True),
        Route("GET", "/v1/payment_pages/{id}", checkout_page, older=True),
        Route("POST", "/v1/payment_pages/{id}/confirm", pay_checkout, Confirm, older=True),
    ),
)
"""No kind of object."""
