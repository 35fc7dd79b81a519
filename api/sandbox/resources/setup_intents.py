"""SetupIntents: a card made ready for later payments, without paying. https://docs.stripe.com/api/setup_intents

The cardholder is asked here by every card that ever asks, so that it need not later, when nobody is there.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from msgspec import UNSET, UnsetType

from api.sandbox.errors import Object, StripeError, invalid, unexpected_state
from api.sandbox.forms import Params
from api.sandbox.lists import CreatedListParams, first_link, page
from api.sandbox.registry import Resource, Route
from api.sandbox.resources.attempts import FAILED_AUTHENTICATION, challenge
from api.sandbox.resources.common import Hash, Text, given, merge_metadata, retrieve, sent_texts
from api.sandbox.resources.payment_intents import (
    TYPES,
    Automatic,
    MethodType,
    automatic_methods,
    check_return_url,
)
from api.sandbox.resources.payment_methods import (
    behaviour_of,
    card_error,
    check_not_detached,
    note_set_up,
    resolve,
)
from api.sandbox.transaction import Transaction

Reason = Literal["abandoned", "duplicate", "requested_by_customer"]
OPEN = ("requires_payment_method", "requires_confirmation", "requires_action")


class Fields(Params, frozen=True, kw_only=True):
    """What creation and update share."""

    longest: ClassVar = {"description": 1_000}

    customer: Text = UNSET
    description: Text = UNSET
    metadata: Hash = UNSET
    payment_method: Text = UNSET


class Confirm(Params, frozen=True, kw_only=True):
    payment_method: Text = UNSET
    return_url: Text = UNSET
    mandate_data: Hash = UNSET
    use_stripe_sdk: bool = False


class Create(Fields, frozen=True, kw_only=True):
    """`mandate_data` and `use_stripe_sdk` are taken and have no effect, as for PaymentIntents."""

    payment_method_types: tuple[MethodType, ...] = ()
    automatic_payment_methods: Automatic | UnsetType = UNSET
    confirm: bool = False
    return_url: Text = UNSET
    usage: Literal["off_session", "on_session"] = "off_session"
    mandate_data: Hash = UNSET
    use_stripe_sdk: bool = False


class Cancel(Params, frozen=True, kw_only=True):
    cancellation_reason: Reason | UnsetType = UNSET


class Listing(CreatedListParams, frozen=True, kw_only=True):
    customer: Text = UNSET
    payment_method: Text = UNSET


def create(tx: Transaction, params: Create) -> Object:
    automatic = automatic_methods(params.automatic_payment_methods, params.payment_method_types)
    customer = given(params.customer)
    if customer:
        tx.get("customer", customer, param="customer", status=400)
    types = params.payment_method_types or TYPES
    method = _method(tx, params.payment_method, customer, types)
    if params.confirm:
        check_return_url(automatic, given(params.return_url))
    setup_id = tx.new_id("seti_")
    setup = tx.add(
        {
            "id": setup_id,
            "object": "setup_intent",
            "application": None,
            "automatic_payment_methods": automatic,
            "cancellation_reason": None,
            "client_secret": tx.secret(setup_id),
            "created": tx.now,
            "customer": customer,
            "description": given(params.description),
            "flow_directions": None,
            "last_setup_error": None,
            "latest_attempt": None,
            "livemode": False,
            "mandate": None,
            "metadata": merge_metadata({}, params.metadata),
            "next_action": None,
            "on_behalf_of": None,
            "payment_method": method,
            "payment_method_configuration_details": None,
            "payment_method_options": {},
            "payment_method_types": types,
            "single_use_mandate": None,
            "status": "requires_confirmation" if method else "requires_payment_method",
            "usage": params.usage,
        }
    )
    tx.emit("setup_intent.created", setup)
    return attempt(tx, setup, given(params.return_url)) if params.confirm else setup


def _method(tx: Transaction, sent: Text, customer: str | None, types: tuple[str, ...]) -> str | None:
    """The id of the payment method to set up. Raises StripeError when it may not be set up here."""
    if not isinstance(sent, str) or not sent:
        return None
    method = resolve(tx, sent, param="payment_method")
    if method["customer"] and method["customer"] != customer:
        raise StripeError(
            f"The customer does not have a payment method with the ID {sent}. "
            "The payment method must be attached to the customer.",
            code="resource_missing",
            param="payment_method",
        )
    check_not_detached(tx, method)
    if method["type"] not in types:
        raise invalid(
            f"The PaymentMethod provided ({method['type']}) is not allowed for this SetupIntent. Please "
            f"attach a PaymentMethod with one of the following types: {', '.join(types)}.",
            code="setup_intent_invalid_parameter",
            param="payment_method",
        )
    return str(method["id"])


def update(tx: Transaction, setup_id: str, params: Fields) -> Object:
    setup = tx.get("setup_intent", setup_id, param="intent")
    if setup["status"] not in OPEN and (params.customer is not UNSET or params.payment_method is not UNSET):
        raise _state(setup, "updated")
    changes: Object = dict(sent_texts(params, "description"))
    changes["metadata"] = merge_metadata(setup["metadata"], params.metadata)
    if isinstance(params.customer, str):
        changes["customer"] = tx.get("customer", params.customer, param="customer", status=400)["id"]
    customer = changes.get("customer", setup["customer"])
    if method := _method(tx, params.payment_method, customer, setup["payment_method_types"]):
        changes |= {"payment_method": method, "status": "requires_confirmation", "next_action": None}
    return tx.update(setup, **changes)


def confirm(tx: Transaction, setup_id: str, params: Confirm) -> Object:
    setup = tx.get("setup_intent", setup_id, param="intent")
    if setup["status"] not in OPEN:
        raise _state(setup, "confirmed")
    method = _method(tx, params.payment_method, setup["customer"], setup["payment_method_types"])
    check_return_url(setup["automatic_payment_methods"], given(params.return_url))
    if method:
        setup = tx.update(setup, payment_method=method)
    return attempt(tx, setup, given(params.return_url))


def attempt(tx: Transaction, setup: Object, return_url: str | None = None) -> Object:
    """Raises a card error, with its work kept, when the issuer says no."""
    if setup["payment_method"] is None:
        raise unexpected_state(
            "You cannot confirm this SetupIntent because it's missing a payment method. You can either "
            "update the SetupIntent with a payment method and then confirm it again, or confirm it again "
            "directly with a payment method or ConfirmationToken.",
            code="setup_intent_unexpected_state",
        )
    method = tx.get("payment_method", setup["payment_method"], param="payment_method", status=400)
    if behaviour_of(method).authentication:
        action = challenge(tx, setup, return_url)
        setup = tx.update(setup, status="requires_action", next_action=action, last_setup_error=None)
        tx.emit("setup_intent.requires_action", setup)
        return setup
    return _conclude(tx, setup, method)


def _conclude(tx: Transaction, setup: Object, method: Object) -> Object:
    """The issuer was asked, and the cardholder too when it wanted that."""
    test = behaviour_of(method)
    if test.decline and not test.attaches:
        error = card_error(test.decline)
        error.keeps_work = True
        raise _failed(tx, setup, method, error)
    if setup["customer"] and not method["customer"]:
        method = tx.update(method, customer=setup["customer"])
        tx.emit("payment_method.attached", method)
    if setup["usage"] == "off_session":
        note_set_up(tx, method)
    setup = tx.update(setup, status="succeeded", next_action=None, last_setup_error=None)
    tx.emit("setup_intent.succeeded", setup)
    return tx.get("setup_intent", setup["id"])


def _failed(tx: Transaction, setup: Object, method: Object, error: StripeError) -> StripeError:
    error.error |= {"payment_method": method}
    setup = tx.update(
        setup,
        status="requires_payment_method",
        payment_method=None,
        last_setup_error=dict(error.error),
        next_action=None,
    )
    tx.emit("setup_intent.setup_failed", setup)
    error.error["setup_intent"] = setup
    return error


def pass_challenge(tx: Transaction, setup: Object) -> Object:
    """The cardholder proved who they are; the issuer may still decline, which is no error of this call."""
    try:
        return _conclude(tx, setup, tx.get("payment_method", setup["payment_method"]))
    except StripeError:
        return tx.get("setup_intent", setup["id"])


def fail_challenge(tx: Transaction, setup: Object) -> Object:
    method = tx.get("payment_method", setup["payment_method"])
    _failed(tx, setup, method, StripeError(FAILED_AUTHENTICATION, code="setup_intent_authentication_failure"))
    return tx.get("setup_intent", setup["id"])


def cancel(tx: Transaction, setup_id: str, params: Cancel) -> Object:
    setup = tx.get("setup_intent", setup_id, param="intent")
    if setup["status"] not in OPEN:
        raise _state(setup, "canceled")
    return cancel_now(tx, setup, params.cancellation_reason or None)


def cancel_now(tx: Transaction, setup: Object, reason: str | None = None) -> Object:
    setup = tx.update(setup, status="canceled", cancellation_reason=reason, next_action=None)
    tx.emit("setup_intent.canceled", setup)
    return setup


def _state(setup: Object, what: str) -> StripeError:
    return unexpected_state(
        f"You cannot update this SetupIntent because it has a status of {setup['status']}."
        if what == "updated"
        else f"This SetupIntent could not be {what} because it has a status of {setup['status']}.",
        code="setup_intent_unexpected_state",
        extra={"setup_intent": setup},
    )


def listing(tx: Transaction, params: Listing) -> Object:
    customer, method = given(params.customer), given(params.payment_method)
    link = first_link("setup_intent", customer=customer, payment_method=method)
    return page(
        tx,
        "setup_intent",
        "/v1/setup_intents",
        params,
        link=link,
        matches=lambda one: method is None or one["payment_method"] == method,
    )


RESOURCE = Resource(
    kind="setup_intent",
    routes=(
        Route("POST", "/v1/setup_intents", create, Create),
        Route("GET", "/v1/setup_intents", listing, Listing),
        retrieve("setup_intent", "/v1/setup_intents/{id}", "intent"),
        Route("POST", "/v1/setup_intents/{id}", update, Fields),
        Route("POST", "/v1/setup_intents/{id}/confirm", confirm, Confirm),
        Route("POST", "/v1/setup_intents/{id}/cancel", cancel, Cancel),
    ),
    expandable=frozenset({"customer", "payment_method", "latest_attempt", "mandate", "on_behalf_of"}),
    linked=("customer", "payment_method"),
)
