"""Payment methods. https://docs.stripe.com/api/payment_methods"""

from __future__ import annotations

from typing import Literal

from msgspec import UNSET

from api.sandbox.errors import Object, StripeError, invalid, missing
from api.sandbox.forms import Params
from api.sandbox.lists import ListParams, page
from api.sandbox.registry import NoParams, Resource, Route
from api.sandbox.resources.common import Hash, Text, address, amend, given, merge_metadata
from api.sandbox.testing_methods import Decline, TestMethod, behaviour, by_name, by_token
from api.sandbox.transaction import Transaction

Kind = Literal["card", "us_bank_account"]


class Create(Params, frozen=True, kw_only=True):
    type: Kind
    card: Hash = UNSET
    billing_details: Hash = UNSET
    metadata: Hash = UNSET


class Update(Params, frozen=True, kw_only=True):
    billing_details: Hash = UNSET
    metadata: Hash = UNSET


class Attach(Params, frozen=True, kw_only=True):
    customer: str


class Listing(ListParams, frozen=True, kw_only=True):
    customer: Text = UNSET
    type: Kind | None = None


class CustomerListing(ListParams, frozen=True, kw_only=True):
    type: Kind | None = None


NOT_AGAIN = (
    "The provided PaymentMethod was previously used with a PaymentIntent without Customer attachment, shared "
    "with a connected account without Customer attachment, or was detached from a Customer. It may not be "
    "used again. To use a PaymentMethod multiple times, you must attach it to a Customer first."
)
_EXPIRES_IN_YEARS = 5
_YEAR_S = 31_556_952


def new(
    tx: Transaction,
    test: TestMethod,
    *,
    billing: Hash = UNSET,
    metadata: Hash = UNSET,
    prefix: str = "pm_",
) -> Object:
    kind = "us_bank_account" if test.bank else "card"
    return tx.add(
        {
            "id": tx.new_id(prefix),
            "object": "payment_method",
            "allow_redisplay": "unspecified",
            "billing_details": _billing(billing),
            kind: _bank(test) if test.bank else _card(test, tx.now),
            "created": tx.now,
            "customer": None,
            "livemode": False,
            "metadata": merge_metadata({}, metadata),
            "type": kind,
        }
    )


def _billing(sent: Hash) -> Object:
    known = sent if isinstance(sent, dict) else {}
    return {
        "address": address(known.get("address") or {}),
        "email": known.get("email") or None,
        "name": known.get("name") or None,
        "phone": known.get("phone") or None,
        "tax_id": None,
    }


def _card(test: TestMethod, now: int) -> Object:
    return {
        "brand": test.brand,
        "checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "pass"},
        "country": test.country,
        "display_brand": test.brand,
        "exp_month": 12,
        "exp_year": 1970 + now // _YEAR_S + _EXPIRES_IN_YEARS,
        "fingerprint": f"Sandbox{test.brand[:5]}{test.last4}",
        "funding": test.funding,
        "generated_from": None,
        "last4": test.last4,
        "networks": {"available": [test.brand], "preferred": None},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": True},
        "wallet": None,
    }


def _bank(test: TestMethod) -> Object:
    return {
        "account_holder_type": "individual",
        "account_type": "checking",
        "bank_name": "STRIPE TEST BANK",
        "financial_connections_account": None,
        "fingerprint": f"SandboxBank{test.last4}",
        "last4": test.last4,
        "networks": {"preferred": "ach", "supported": ["ach"]},
        "routing_number": "110000000",
        "status_details": {},
    }


def behaviour_of(method: Object) -> TestMethod:
    return behaviour(method[method["type"]]["last4"])


def resolve(tx: Transaction, method_id: str, *, param: str, status: int = 400) -> Object:
    """The payment method; a test name such as `pm_card_visa` makes a new one each time, as at Stripe."""
    test = by_name(method_id)
    if test is not None:
        return new(tx, test)
    found = tx.find(method_id)
    if found is None or found["object"] != "payment_method":
        raise missing("PaymentMethod", method_id, param=param, status=status)
    return found


def create(tx: Transaction, params: Create) -> Object:
    card = params.card if isinstance(params.card, dict) else {}
    token = card.get("token", "")
    test = by_token(token) if isinstance(token, str) else None
    if test is None:
        raise invalid(
            "The sandbox makes payment methods from test tokens only: card[token]=tok_visa and its like, "
            "or the ready ones such as pm_card_visa.",
            param="card[token]",
        )
    return new(tx, test, billing=params.billing_details, metadata=params.metadata)


def fetch(tx: Transaction, method_id: str, _: NoParams) -> Object:
    """A test name makes a new one here, too."""
    return resolve(tx, method_id, param="payment_method", status=404)


def update(tx: Transaction, method_id: str, params: Update) -> Object:
    method = tx.get("payment_method", method_id, param="payment_method")
    billing = method["billing_details"]
    changes = {
        "billing_details": billing if params.billing_details is UNSET else _billing(params.billing_details),
        "metadata": merge_metadata(method["metadata"], params.metadata),
    }
    return amend(tx, method, changes, *(("payment_method.updated",) if method["customer"] else ()))


def attach(tx: Transaction, method_id: str, params: Attach) -> Object:
    return attach_to(tx, method_id, params.customer)


def attach_to(
    tx: Transaction,
    method_id: str,
    customer_id: str,
    *,
    param: str = "payment_method",
    announce: bool = True,
) -> Object:
    tx.get("customer", customer_id, param="customer", status=400)
    method = resolve(tx, method_id, param=param, status=404)
    if method["customer"] == customer_id:
        return method
    if method["customer"]:
        raise StripeError(
            "The payment method you provided has already been attached to a customer.",
            code="payment_method_unexpected_state",
        )
    check_not_detached(tx, method)
    test = behaviour_of(method)
    if test.decline and not test.attaches:
        raise card_error(test.decline)
    attached = tx.update(method, customer=customer_id)
    if announce:
        tx.emit("payment_method.attached", attached)
    return attached


def card_error(reason: Decline) -> StripeError:
    return StripeError(
        reason.message, status=402, kind="card_error", code=reason.code, decline_code=reason.decline_code
    )


def note_set_up(tx: Transaction, method: Object) -> None:
    """Its cardholder was asked, so that it can be charged when they are away."""
    _note(tx, method, "set_up")


def is_set_up(tx: Transaction, method: Object) -> bool:
    return _is_noted(tx, method, "set_up")


def let_go(tx: Transaction, method: Object) -> Object:
    """It is of no customer any more, and can never be of one again."""
    _note(tx, method, "let_go")
    return tx.update(method, customer=None)


def check_not_detached(tx: Transaction, method: Object) -> None:
    if _is_noted(tx, method, "let_go"):
        raise StripeError(NOT_AGAIN, code="payment_method_unexpected_state")


def _note(tx: Transaction, method: Object, what: str) -> None:
    """As a link of the method with itself, since the object does not show it."""
    if not _is_noted(tx, method, what):
        tx.notes[f"{what} {method['id']}"] = "yes"
        tx.link(f"payment_method.{what}", method["id"], method["id"])


def _is_noted(tx: Transaction, method: Object, what: str) -> bool:
    return f"{what} {method['id']}" in tx.notes or bool(tx.all("payment_method", what, method["id"]))


def detach(tx: Transaction, method_id: str, _: NoParams) -> Object:
    method = tx.get("payment_method", method_id, param="payment_method")
    if not method["customer"]:
        raise StripeError(
            "The payment method you provided is not attached to a customer so detachment is impossible."
        )
    detached = detach_from(tx, method)
    tx.emit("payment_method.detached", detached, {"customer": method["customer"]})
    return detached


def detach_from(tx: Transaction, method: Object) -> Object:
    """No more its customer's, nor the default of anything."""
    customer = tx.get("customer", method["customer"])
    if customer["invoice_settings"]["default_payment_method"] == method["id"]:
        settings = {**customer["invoice_settings"], "default_payment_method": None}
        customer = tx.update(customer, invoice_settings=settings)
    if customer["default_source"] == method["id"]:
        tx.update(customer, default_source=None)
    return let_go(tx, method)


def listing(tx: Transaction, params: Listing) -> Object:
    return _page(tx, "/v1/payment_methods", params, given(params.customer), params.type)


def customer_listing(tx: Transaction, customer_id: str, params: CustomerListing) -> Object:
    tx.get("customer", customer_id, param="customer")
    url = f"/v1/customers/{customer_id}/payment_methods"
    return _page(tx, url, params, customer_id, params.type)


def _page(tx: Transaction, url: str, params: ListParams, customer: str | None, kind: str | None) -> Object:
    if customer is None:
        raise invalid("The sandbox lists payment methods of a customer: send `customer`.", param="customer")
    link = ("payment_method.customer", customer)
    return page(
        tx, "payment_method", url, params, link=link, matches=lambda m: kind is None or m["type"] == kind
    )


RESOURCE = Resource(
    kind="payment_method",
    routes=(
        Route("POST", "/v1/payment_methods", create, Create),
        Route("GET", "/v1/payment_methods", listing, Listing),
        Route("GET", "/v1/payment_methods/{id}", fetch),
        Route("POST", "/v1/payment_methods/{id}", update, Update),
        Route("POST", "/v1/payment_methods/{id}/attach", attach, Attach),
        Route("POST", "/v1/payment_methods/{id}/detach", detach),
        Route("GET", "/v1/customers/{id}/payment_methods", customer_listing, CustomerListing),
    ),
    expandable=frozenset({"customer"}),
    linked=("customer",),
)
