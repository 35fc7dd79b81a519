"""Charges as older snippets make them, of a test token or a customer's card: there is no PaymentIntent.

https://docs.stripe.com/payments/charges-api
"""

from __future__ import annotations

from typing import ClassVar

from msgspec import UNSET

from api.sandbox.errors import Object, StripeError, invalid
from api.sandbox.forms import Params
from api.sandbox.money import check_amount, check_currency
from api.sandbox.registry import Resource, Route
from api.sandbox.resources import charges, sources
from api.sandbox.resources.common import Hash, Text, given, hash_or_none, merge_metadata
from api.sandbox.resources.payment_methods import behaviour_of, new
from api.sandbox.testing_methods import NEEDS_AUTHENTICATION, Decline
from api.sandbox.transaction import Transaction

_NO_CARD = "Cannot charge a customer that has no active card"


class Create(Params, frozen=True, kw_only=True):
    longest: ClassVar = {
        "customer": 500,
        "description": 40_000,
        "statement_descriptor": 22,
        "statement_descriptor_suffix": 22,
    }

    amount: int
    currency: str
    customer: Text = UNSET
    description: Text = UNSET
    metadata: Hash = UNSET
    receipt_email: Text = UNSET
    shipping: Hash = UNSET
    source: Text = UNSET
    statement_descriptor: Text = UNSET
    statement_descriptor_suffix: Text = UNSET
    transfer_group: Text = UNSET


def create(tx: Transaction, params: Create) -> Object:
    currency = check_currency(params.currency)
    amount = check_amount(params.amount, currency)
    customer = given(params.customer)
    method = _card(tx, given(params.source), customer)
    asked: Object = {
        "id": None,
        "amount": amount,
        "currency": currency,
        "customer": customer,
        "description": given(params.description),
        "metadata": merge_metadata({}, params.metadata),
        "receipt_email": given(params.receipt_email),
        "shipping": hash_or_none(params.shipping),
        "statement_descriptor": given(params.statement_descriptor),
        "statement_descriptor_suffix": given(params.statement_descriptor_suffix),
        "transfer_group": given(params.transfer_group),
    }
    test = behaviour_of(method)
    if reason := test.decline or (NEEDS_AUTHENTICATION if test.authentication == "always" else None):
        raise _declined(tx, asked, method, reason)
    charge = charges.settle(tx, charges.new(tx, asked, method, status="succeeded", captured=True))
    tx.emit("charge.succeeded", charge)
    if test.dispute:
        tx.later(tx.now, "open_dispute", charge["id"])
    return charge


def _card(tx: Transaction, source: str | None, customer: str | None) -> Object:
    """A token's, or one that the customer has: the named one, or the default."""
    if customer is None:
        if source is None:
            raise invalid("Must provide source or customer.")
        return new(tx, sources.token(source), prefix=sources.PREFIX)
    known = tx.get("customer", customer, param="customer", status=400)
    card = source or known["default_source"]
    if card is None:
        raise StripeError(
            _NO_CARD, status=402, kind="card_error", code="missing", param="card", keeps_work=False
        )
    return sources.own(tx, customer, card, param="source", status=400)


def _declined(tx: Transaction, asked: Object, method: Object, reason: Decline) -> StripeError:
    charge = charges.new(tx, asked, method, status="failed", captured=False)
    charge = tx.update(
        charge,
        failure_code=reason.code,
        failure_message=reason.message,
        outcome=charges.declined_outcome(reason),
    )
    tx.emit("charge.failed", charge)
    return StripeError(
        reason.message,
        status=402,
        kind="card_error",
        code=reason.code,
        decline_code=reason.decline_code,
        keeps_work=True,
        extra={"charge": charge["id"]},
    )


RESOURCE = Resource(kind="direct_charge", routes=(Route("POST", "/v1/charges", create, Create),))
