"""The parts of Stripe's objects that the ledger reads, checked when they come in.

Field names and meanings are Stripe's (https://docs.stripe.com/api, version 2026-08-26.dahlia): amounts in
minor units, times in seconds since 1970, a reference either an id or, when expanded, the object itself.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal, TypeVar

import msgspec
import stripe

from ledger.instants import from_unix

T = TypeVar("T")


class UnexpectedAnswer(Exception):
    """Stripe answered with something that is not what its description promises."""


class Named(msgspec.Struct, frozen=True):
    """An expanded object of which only the id matters."""

    id: str


Reference = str | Named | None

PaymentStatus = Literal[
    "requires_payment_method",
    "requires_confirmation",
    "requires_action",
    "requires_capture",
    "processing",
    "succeeded",
    "canceled",
]
RefundStatus = Literal["pending", "requires_action", "succeeded", "failed", "canceled"]
PayoutStatus = Literal["pending", "in_transit", "paid", "failed", "canceled"]


class BalanceTransaction(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    amount: int
    fee: int
    net: int
    currency: str
    available_on: int
    created: int


class ChargeOutcome(msgspec.Struct, frozen=True, kw_only=True):
    reason: str | None = None
    """Of a decline: the decline code."""


class Charge(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    created: int
    status: Literal["succeeded", "pending", "failed"] = "succeeded"
    outcome: ChargeOutcome | None = None
    amount_captured: int = 0
    amount_refunded: int = 0
    disputed: bool = False
    balance_transaction: str | BalanceTransaction | None = None
    failure_code: str | None = None
    payment_intent: Reference = None


class PaymentError(msgspec.Struct, frozen=True, kw_only=True):
    type: str = ""
    code: str | None = None
    decline_code: str | None = None


class RedirectToUrl(msgspec.Struct, frozen=True, kw_only=True):
    url: str | None = None


class NextAction(msgspec.Struct, frozen=True, kw_only=True):
    type: str
    redirect_to_url: RedirectToUrl | None = None


class PaymentIntent(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    status: PaymentStatus
    created: int
    amount: int
    currency: str
    amount_received: int = 0
    canceled_at: int | None = None
    cancellation_reason: str | None = None
    client_secret: str | None = None
    customer: Reference = None
    description: str | None = None
    last_payment_error: PaymentError | None = None
    latest_charge: str | Charge | None = None
    metadata: dict[str, str] | None = None
    next_action: NextAction | None = None
    payment_method: Reference = None
    setup_future_usage: str | None = None


class CheckoutSession(msgspec.Struct, frozen=True, kw_only=True):
    """https://docs.stripe.com/api/checkout/sessions/object"""

    id: str
    status: Literal["open", "complete", "expired"]
    created: int
    expires_at: int
    payment_intent: Reference = None
    subscription: Reference = None
    url: str | None = None
    """Null once nothing can be paid there."""
    metadata: dict[str, str] | None = None


class SetupIntent(msgspec.Struct, frozen=True, kw_only=True):
    """A card that is made ready to be charged without its cardholder."""

    id: str
    status: str
    client_secret: str | None = None
    last_setup_error: PaymentError | None = None
    next_action: NextAction | None = None


class Refund(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    created: int
    amount: int
    currency: str
    status: RefundStatus | None = None
    reason: str | None = None
    failure_reason: str | None = None
    balance_transaction: str | BalanceTransaction | None = None
    failure_balance_transaction: str | BalanceTransaction | None = None
    payment_intent: str | PaymentIntent | None = None
    charge: Reference = None
    metadata: dict[str, str] | None = None


class EvidenceDetails(msgspec.Struct, frozen=True, kw_only=True):
    due_by: int | None = None


class Dispute(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    charge: Reference
    created: int
    amount: int
    currency: str
    reason: str
    status: str
    balance_transactions: list[BalanceTransaction] = []
    evidence_details: EvidenceDetails | None = None
    payment_intent: Reference = None


class Payout(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    created: int
    amount: int
    currency: str
    status: PayoutStatus
    automatic: bool
    arrival_date: int
    balance_transaction: str | BalanceTransaction | None = None
    failure_balance_transaction: str | BalanceTransaction | None = None
    failure_code: str | None = None


class EventObject(msgspec.Struct, frozen=True, kw_only=True):
    """What an event is about. Some, such as the balance, have no id."""

    object: str
    id: str = ""
    payment_intent: Reference = None
    charge: Reference = None
    latest_charge: Reference = None


class EventData(msgspec.Struct, frozen=True, kw_only=True):
    object: EventObject


class StripeEvent(msgspec.Struct, frozen=True, kw_only=True):
    """The body of a webhook and a row of the list of events: the same object."""

    id: str
    type: str
    created: int
    livemode: bool
    data: EventData
    account: str | None = None
    """The connected account that it happened in; none for the platform's own."""


def parse(answer: stripe.StripeObject, kind: type[T]) -> T:
    """What the SDK returned, as one of the structs above."""
    return parse_dict(answer.to_dict(), kind)


def parse_dict(answer: object, kind: type[T]) -> T:
    try:
        return msgspec.convert(answer, kind)
    except msgspec.ValidationError as problem:
        # msgspec names the path and the type, never the value: nothing personal gets into logs
        raise UnexpectedAnswer(f"Stripe's {kind.__name__} is not as described: {problem}") from problem


def id_of(reference: Reference | PaymentIntent | Charge) -> str:
    """The id of a reference, expanded or not; empty when there is none."""
    if reference is None:
        return ""
    return reference if isinstance(reference, str) else reference.id


def instant(seconds: int) -> datetime:
    return from_unix(seconds)
