"""PaymentIntents. https://docs.stripe.com/api/payment_intents"""

from __future__ import annotations

from typing import ClassVar, Literal

import msgspec
from msgspec import UNSET, UnsetType

from api.sandbox.errors import Object, StripeError, intent_state, invalid
from api.sandbox.forms import Params
from api.sandbox.lists import CreatedListParams, first_link, page
from api.sandbox.money import check_amount, check_currency
from api.sandbox.registry import Resource, Route
from api.sandbox.resources import capture
from api.sandbox.resources.attempts import attempt, settle_debit
from api.sandbox.resources.common import Hash, Text, given, hash_or_none, merge_metadata, retrieve, sent_texts
from api.sandbox.resources.payment_methods import NOT_AGAIN, check_not_detached, resolve
from api.sandbox.transaction import Transaction

CaptureMethod = Literal["automatic", "automatic_async", "manual"]
MethodType = Literal["card", "us_bank_account"]
TYPES: tuple[MethodType, ...] = ("card", "us_bank_account")
NEEDS_RETURN_URL = (
    "This PaymentIntent is configured to accept payment methods enabled in your Dashboard. Because some of "
    "these payment methods might redirect your customer off of your page, you must provide a `return_url`. "
    "If you don't want to accept redirect-based payment methods, set `automatic_payment_methods[enabled]` to "
    "`true` and `automatic_payment_methods[allow_redirects]` to `never` when creating Setup Intents and "
    "Payment Intents."
)


class Automatic(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    enabled: bool
    allow_redirects: Literal["always", "never"] = "always"


class Fields(Params, frozen=True, kw_only=True):
    """What creation and update share."""

    longest: ClassVar = {"description": 1_000, "statement_descriptor": 22, "statement_descriptor_suffix": 22}

    customer: Text = UNSET
    description: Text = UNSET
    metadata: Hash = UNSET
    payment_method: Text = UNSET
    receipt_email: Text = UNSET
    setup_future_usage: Literal["off_session", "on_session", ""] | UnsetType = UNSET
    shipping: Hash = UNSET
    statement_descriptor: Text = UNSET
    statement_descriptor_suffix: Text = UNSET
    transfer_group: Text = UNSET


class Confirm(Params, frozen=True, kw_only=True):
    payment_method: Text = UNSET
    off_session: Text = UNSET
    return_url: Text = UNSET
    error_on_requires_action: bool = False
    receipt_email: Text = UNSET
    setup_future_usage: Literal["off_session", "on_session", ""] | UnsetType = UNSET
    mandate_data: Hash = UNSET
    use_stripe_sdk: bool = False


class Create(Fields, frozen=True, kw_only=True):
    """`mandate_data` and `use_stripe_sdk` are taken and have no effect: there is no bank and no browser."""

    amount: int
    currency: str
    payment_method_types: tuple[MethodType, ...] = ()
    automatic_payment_methods: Automatic | UnsetType = UNSET
    capture_method: CaptureMethod = "automatic_async"
    confirmation_method: Literal["automatic", "manual"] = "automatic"
    confirm: bool = False
    off_session: Text = UNSET
    return_url: Text = UNSET
    error_on_requires_action: bool = False
    mandate_data: Hash = UNSET
    use_stripe_sdk: bool = False


class Update(Fields, frozen=True, kw_only=True):
    amount: int | UnsetType = UNSET
    currency: Text = UNSET


class Listing(CreatedListParams, frozen=True, kw_only=True):
    customer: Text = UNSET


_TEXTS = (
    "description",
    "receipt_email",
    "statement_descriptor",
    "statement_descriptor_suffix",
    "transfer_group",
)


def create(tx: Transaction, params: Create) -> Object:
    currency = check_currency(params.currency)
    amount = check_amount(params.amount, currency)
    automatic = automatic_methods(params.automatic_payment_methods, params.payment_method_types)
    customer = given(params.customer)
    if customer:
        tx.get("customer", customer, param="customer", status=400)
    intent_id = tx.new_id("pi_")
    method = _method(tx, params.payment_method, customer, params.payment_method_types or TYPES)
    if params.confirm:
        check_return_url(automatic, given(params.return_url))
    intent = tx.add(
        {
            "id": intent_id,
            "object": "payment_intent",
            "amount": amount,
            "amount_capturable": 0,
            "amount_details": {"tip": {}},
            "amount_received": 0,
            "application": None,
            "application_fee_amount": None,
            "automatic_payment_methods": automatic,
            "canceled_at": None,
            "cancellation_reason": None,
            "capture_method": params.capture_method,
            "client_secret": tx.secret(intent_id),
            "confirmation_method": params.confirmation_method,
            "created": tx.now,
            "currency": currency,
            "customer": customer,
            "description": given(params.description),
            "last_payment_error": None,
            "latest_charge": None,
            "livemode": False,
            "metadata": merge_metadata({}, params.metadata),
            "next_action": None,
            "on_behalf_of": None,
            "payment_method": method,
            "payment_method_configuration_details": None,
            "payment_method_options": {},
            "payment_method_types": params.payment_method_types or TYPES,
            "processing": None,
            "receipt_email": given(params.receipt_email),
            "review": None,
            "setup_future_usage": params.setup_future_usage or None,
            "shipping": hash_or_none(params.shipping),
            "statement_descriptor": given(params.statement_descriptor),
            "statement_descriptor_suffix": given(params.statement_descriptor_suffix),
            "status": "requires_confirmation" if method else "requires_payment_method",
            "transfer_data": None,
            "transfer_group": given(params.transfer_group),
        }
    )
    tx.emit("payment_intent.created", intent)
    return _confirm(tx, intent, params) if params.confirm else intent


def automatic_methods(sent: Automatic | UnsetType, types: tuple[MethodType, ...]) -> Object | None:
    """On by default, unless types are named. https://docs.stripe.com/upgrades#2023-08-16"""
    if isinstance(sent, Automatic):
        if sent.enabled and types:
            raise invalid(
                "You may only specify one of these parameters: automatic_payment_methods, "
                "payment_method_types.",
                param="automatic_payment_methods",
            )
        if not sent.enabled:
            return None
        return {"allow_redirects": sent.allow_redirects, "enabled": True}
    return None if types else {"allow_redirects": "always", "enabled": True}


def _method(tx: Transaction, sent: Text, customer: str | None, types: tuple[str, ...]) -> str | None:
    """The id of the payment method to use. Raises StripeError when it may not be used here."""
    if not isinstance(sent, str) or not sent:
        return None
    method = resolve(tx, sent, param="payment_method")
    if method["customer"] and method["customer"] != customer:
        raise StripeError(
            f"The PaymentMethod {sent} belongs to the Customer {method['customer']}. "
            "Please include the Customer in the `customer` parameter on the PaymentIntent."
            if customer is None
            else f"The customer does not have a payment method with the ID {sent}. "
            "The payment method must be attached to the customer.",
            code="payment_method_unexpected_state" if customer is None else "resource_missing",
            param="payment_method",
        )
    if method["type"] not in types:
        raise invalid(
            f"The PaymentMethod provided ({method['type']}) is not allowed for this PaymentIntent. Please "
            f"attach a PaymentMethod with one of the following types: {', '.join(types)}.",
            code="payment_intent_invalid_parameter",
            param="payment_method",
        )
    check_not_detached(tx, method)
    if not method["customer"] and sent == method["id"] and _used(tx, sent):
        raise StripeError(NOT_AGAIN, code="payment_method_unexpected_state")
    return str(method["id"])


def _used(tx: Transaction, method_id: str) -> bool:
    return any(charge["status"] != "failed" for charge in tx.all("charge", "payment_method", method_id))


def check_return_url(automatic: Object | None, return_url: str | None) -> None:
    if automatic and automatic["allow_redirects"] == "always" and not return_url:
        raise invalid(NEEDS_RETURN_URL)


def update(tx: Transaction, intent_id: str, params: Update) -> Object:
    intent = tx.get("payment_intent", intent_id, param="intent")
    if intent["status"] in ("succeeded", "canceled", "processing", "requires_capture"):
        allowed = {"metadata", "description", "receipt_email", "shipping", "transfer_group"}
        sent = {name for name in params.__struct_fields__ if getattr(params, name) is not UNSET}
        if sent - allowed:
            raise intent_state(intent, f"updated ({', '.join(sorted(sent - allowed))})")
    changes: Object = dict(sent_texts(params, *_TEXTS, "setup_future_usage"))
    changes["metadata"] = merge_metadata(intent["metadata"], params.metadata)
    if isinstance(params.currency, str):
        changes["currency"] = check_currency(params.currency)
    if isinstance(params.amount, int):
        currency: str = changes.get("currency") or intent["currency"]
        changes["amount"] = check_amount(params.amount, currency)
    if params.shipping is not UNSET:
        changes["shipping"] = hash_or_none(params.shipping)
    if isinstance(params.customer, str):
        customer = tx.get("customer", params.customer, param="customer", status=400)
        changes["customer"] = customer["id"]
    customer_id = changes.get("customer", intent["customer"])
    if method := _method(tx, params.payment_method, customer_id, intent["payment_method_types"]):
        changes["payment_method"] = method
        changes["status"] = "requires_confirmation"
        changes["next_action"] = None
    return tx.update(intent, **changes)


def confirm(tx: Transaction, intent_id: str, params: Confirm) -> Object:
    intent = tx.get("payment_intent", intent_id, param="intent")
    if intent["status"] not in ("requires_payment_method", "requires_confirmation", "requires_action"):
        raise intent_state(intent, "confirmed")
    method = _method(tx, params.payment_method, intent["customer"], intent["payment_method_types"])
    changes: Object = dict(sent_texts(params, "receipt_email", "setup_future_usage"))
    if method:
        changes["payment_method"] = method
    check_return_url(intent["automatic_payment_methods"], given(params.return_url))
    return _confirm(tx, tx.update(intent, **changes), params)


def _confirm(tx: Transaction, intent: Object, params: Create | Confirm) -> Object:
    if intent["payment_method"] is None:
        raise StripeError(
            "You cannot confirm this PaymentIntent because it's missing a payment method. You can either "
            "update the PaymentIntent with a payment method and then confirm it again, or confirm it again "
            "directly with a payment method or ConfirmationToken.",
            code="payment_intent_unexpected_state",
        )
    return attempt(
        tx,
        intent,
        off_session=given(params.off_session) not in (None, "false"),
        return_url=given(params.return_url),
        refuse_action=params.error_on_requires_action,
    )


def listing(tx: Transaction, params: Listing) -> Object:
    customer = given(params.customer)
    link = first_link("payment_intent", customer=customer)
    return page(tx, "payment_intent", "/v1/payment_intents", params, link=link)


RESOURCE = Resource(
    kind="payment_intent",
    routes=(
        Route("POST", "/v1/payment_intents", create, Create),
        Route("GET", "/v1/payment_intents", listing, Listing),
        retrieve("payment_intent", "/v1/payment_intents/{id}", "intent"),
        Route("POST", "/v1/payment_intents/{id}", update, Update),
        Route("POST", "/v1/payment_intents/{id}/confirm", confirm, Confirm),
        Route("POST", "/v1/payment_intents/{id}/capture", capture.capture, capture.Capture),
        Route("POST", "/v1/payment_intents/{id}/cancel", capture.cancel, capture.Cancel),
    ),
    expandable=frozenset(
        {"customer", "latest_charge", "payment_method", "review", "on_behalf_of", "application"}
    ),
    linked=("customer",),
    jobs={"settle_debit": settle_debit, "expire_authorization": capture.expire},
)
