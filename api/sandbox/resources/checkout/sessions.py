"""Checkout sessions. https://docs.stripe.com/api/checkout/sessions"""

from __future__ import annotations

from typing import Literal

from msgspec import UNSET, UnsetType

from api.sandbox.errors import Object, StripeError, invalid
from api.sandbox.lists import CreatedListParams, first_link, page
from api.sandbox.money import check_amount
from api.sandbox.registry import NoParams, Resource, Route
from api.sandbox.resources import capture
from api.sandbox.resources.checkout import line_items, paying, wishes
from api.sandbox.resources.checkout.wishes import Create
from api.sandbox.resources.common import Text, given, merge_metadata, retrieve
from api.sandbox.transaction import Transaction

SHORTEST_S = 30 * 60
LONGEST_S = 24 * 60 * 60
NO_DETAILS: Object = {
    "address": None,
    "business_name": None,
    "individual_name": None,
    "name": None,
    "phone": None,
    "tax_exempt": "none",
    "tax_ids": [],
}


class Listing(CreatedListParams, frozen=True, kw_only=True):
    customer: Text = UNSET
    payment_intent: Text = UNSET
    status: Literal["complete", "expired", "open"] | UnsetType = UNSET
    subscription: Text = UNSET


def create(tx: Transaction, params: Create) -> Object:
    wishes.check(params)
    expires_at = _expires_at(tx, params.expires_at)
    customer = given(params.customer)
    if customer:
        tx.get("customer", customer, param="customer", status=400)
    session_id = tx.new_id("cs_test_")
    items = [
        line_items.add(tx, session_id, asked, params.mode, number)
        for number, asked in enumerate(params.line_items)
    ]
    currency = _currency(items)
    total = sum(item["amount_total"] for item in items)
    _check_mode(params, items, total, currency)
    wishes.keep(tx, session_id, params)
    session = tx.add(_shape(tx, session_id, params, currency, total) | {"expires_at": expires_at})
    tx.later(expires_at, "expire_checkout", session_id)
    return session


def _check_mode(params: Create, items: list[Object], total: int, currency: str) -> None:
    if params.mode == "payment":
        check_amount(total, currency, param="line_items")
    elif not any(item["price"]["recurring"] for item in items):
        raise invalid("You must provide at least one recurring price in `subscription` mode.", param="mode")


def _expires_at(tx: Transaction, sent: int | UnsetType) -> int:
    if not isinstance(sent, int):
        return tx.now + LONGEST_S
    if not tx.now + SHORTEST_S <= sent <= tx.now + LONGEST_S:
        raise invalid(
            "The `expires_at` timestamp must be at least 30 minutes and less than 24 hours from Checkout "
            "Session creation.",
            param="expires_at",
        )
    return sent


def _currency(items: list[Object]) -> str:
    currencies = {item["currency"] for item in items}
    if len(currencies) > 1:
        raise invalid("All prices of a Checkout Session must have the same currency.", param="line_items")
    return str(items[0]["currency"])


def _shape(tx: Transaction, session_id: str, params: Create, currency: str, total: int) -> Object:
    is_payment = params.mode == "payment"
    email = given(params.customer_email)
    return {
        "id": session_id,
        "object": "checkout.session",
        "after_expiration": None,
        "allow_promotion_codes": None,
        "amount_subtotal": total,
        "amount_total": total,
        "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
        "billing_address_collection": None,
        "cancel_url": given(params.cancel_url),
        "client_reference_id": given(params.client_reference_id),
        "client_secret": None,
        "consent": None,
        "consent_collection": None,
        "created": tx.now,
        "currency": currency,
        "currency_conversion": None,
        "custom_fields": [],
        "custom_text": dict.fromkeys(
            ("after_submit", "shipping_address", "submit", "terms_of_service_acceptance")
        ),
        "customer": given(params.customer),
        "customer_creation": (params.customer_creation or "if_required") if is_payment else "always",
        "customer_details": {**NO_DETAILS, "email": email} if email else None,
        "customer_email": email,
        "discounts": [],
        "invoice": None,
        "invoice_creation": None,
        "livemode": False,
        "locale": None,
        "metadata": merge_metadata({}, params.metadata),
        "mode": params.mode,
        "payment_intent": None,
        "payment_link": None,
        "payment_method_collection": "if_required" if is_payment else "always",
        "payment_method_options": {},
        "payment_method_types": params.payment_method_types or ("card",),
        "payment_status": "unpaid",
        "phone_number_collection": {"enabled": False},
        "recovered_from": None,
        "saved_payment_method_options": None,
        "setup_intent": None,
        "shipping_address_collection": None,
        "shipping_cost": None,
        "shipping_options": [],
        "status": "open",
        "submit_type": None,
        "subscription": None,
        "success_url": given(params.success_url),
        "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
        "ui_mode": params.ui_mode,
        "url": f"{tx.world.base_url}/_sandbox/checkout/{session_id}",
    }


def expire(tx: Transaction, session_id: str, _: NoParams) -> Object:
    session = tx.get("checkout.session", session_id, param="session")
    if session["status"] != "open":
        raise StripeError(
            f'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout Session has a '
            f"status of `{session['status']}`.",
            param="session",
        )
    return _expire(tx, session)


def expire_when_due(tx: Transaction, session_id: str) -> None:
    session = tx.get("checkout.session", session_id)
    if session["status"] == "open":
        _expire(tx, session)


def _expire(tx: Transaction, session: Object) -> Object:
    """With the PaymentIntent of an attempt that was declined, which nobody can pay any more."""
    session = tx.update(session, status="expired", url=None)
    if session["payment_intent"]:
        capture.cancel_now(tx, tx.get("payment_intent", session["payment_intent"]), None)
    tx.emit("checkout.session.expired", session)
    return session


def listing(tx: Transaction, params: Listing) -> Object:
    customer, intent = given(params.customer), given(params.payment_intent)
    subscription = given(params.subscription)

    def matches(session: Object) -> bool:
        return all(
            (
                not customer or session["customer"] == customer,
                not intent or session["payment_intent"] == intent,
                not subscription or session["subscription"] == subscription,
                not isinstance(params.status, str) or session["status"] == params.status,
            )
        )

    link = first_link("checkout.session", payment_intent=intent, subscription=subscription, customer=customer)
    return page(tx, "checkout.session", "/v1/checkout/sessions", params, link=link, matches=matches)


RESOURCE = Resource(
    kind="checkout.session",
    routes=(
        Route("POST", "/v1/checkout/sessions", create, Create),
        Route("GET", "/v1/checkout/sessions", listing, Listing),
        retrieve("checkout.session", "/v1/checkout/sessions/{id}", "session"),
        Route("POST", "/v1/checkout/sessions/{id}/expire", expire),
    ),
    expandable=frozenset({"customer", "invoice", "payment_intent", "setup_intent", "subscription"}),
    included={"line_items": line_items.included},
    linked=("customer", "payment_intent", "subscription"),
    jobs={"expire_checkout": expire_when_due},
    follows={
        "payment_intent.succeeded": paying.on_succeeded,
        "payment_intent.payment_failed": paying.on_failed,
    },
)
