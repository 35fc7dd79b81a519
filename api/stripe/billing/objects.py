"""The parts of Stripe's billing objects that the ledger reads; see `objects.py` for their conventions.

https://docs.stripe.com/api/subscriptions/object, /invoices/object, /credit_notes/object
"""

from __future__ import annotations

from typing import Literal

import msgspec

from api.stripe.objects import Charge, Dispute, PaymentIntent, Reference, Refund, SetupIntent, id_of

SubscriptionStatus = Literal[
    "incomplete",
    "incomplete_expired",
    "trialing",
    "active",
    "past_due",
    "unpaid",
    "paused",
    "canceled",
]
InvoiceStatus = Literal["draft", "open", "paid", "uncollectible", "void"]


class Recurring(msgspec.Struct, frozen=True, kw_only=True):
    interval: str
    interval_count: int = 1
    usage_type: str = "licensed"


class Price(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    currency: str
    unit_amount: int | None = None
    lookup_key: str | None = None
    recurring: Recurring | None = None
    metadata: dict[str, str] = {}
    product: Reference = None


class SubscriptionItem(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    price: Price
    current_period_start: int
    current_period_end: int
    quantity: int | None = None
    """None for a price by use."""


class SubscriptionItems(msgspec.Struct, frozen=True, kw_only=True):
    data: list[SubscriptionItem]
    has_more: bool = False


class PauseCollection(msgspec.Struct, frozen=True, kw_only=True):
    behavior: str


class CancellationDetails(msgspec.Struct, frozen=True, kw_only=True):
    reason: str | None = None


class PendingUpdate(msgspec.Struct, frozen=True, kw_only=True):
    expires_at: int
    subscription_items: list[SubscriptionItem] | None = None


class AppliesTo(msgspec.Struct, frozen=True, kw_only=True):
    products: list[str] = []


class Coupon(msgspec.Struct, frozen=True, kw_only=True):
    amount_off: int | None = None
    percent_off: float | None = None
    currency: str | None = None
    """Of `amount_off`."""
    duration: Literal["once", "repeating", "forever"] = "forever"
    duration_in_months: int | None = None
    max_redemptions: int | None = None
    times_redeemed: int = 0
    valid: bool = True
    applies_to: AppliesTo | None = None
    """Of all products without it; only when expanded."""


class CouponOf(msgspec.Struct, frozen=True, kw_only=True):
    coupon: str | Coupon | None = None
    """The coupon only when expanded."""


class StandingDiscount(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    source: CouponOf


class Subscription(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    status: SubscriptionStatus
    created: int
    customer: Reference
    currency: str
    billing_cycle_anchor: int
    items: SubscriptionItems
    cancel_at: int | None = None
    cancel_at_period_end: bool = False
    canceled_at: int | None = None
    cancellation_details: CancellationDetails | None = None
    default_payment_method: Reference = None
    discounts: list[str | StandingDiscount] = []
    ended_at: int | None = None
    latest_invoice: Reference = None
    metadata: dict[str, str] = {}
    pause_collection: PauseCollection | None = None
    pending_setup_intent: str | SetupIntent | None = None
    """The object only when expanded."""
    pending_update: PendingUpdate | None = None
    trial_end: int | None = None
    trial_start: int | None = None


class Tax(msgspec.Struct, frozen=True, kw_only=True):
    amount: int
    tax_behavior: Literal["exclusive", "inclusive"] = "exclusive"


class Discount(msgspec.Struct, frozen=True, kw_only=True):
    amount: int


class Period(msgspec.Struct, frozen=True, kw_only=True):
    start: int
    end: int


class LineDetails(msgspec.Struct, frozen=True, kw_only=True):
    proration: bool = False


class LineParent(msgspec.Struct, frozen=True, kw_only=True):
    subscription_item_details: LineDetails | None = None
    invoice_item_details: LineDetails | None = None


class PriceOf(msgspec.Struct, frozen=True, kw_only=True):
    price: Reference = None


class Pricing(msgspec.Struct, frozen=True, kw_only=True):
    price_details: PriceOf | None = None


def _price_of(pricing: Pricing | None) -> str:
    """Empty for what is of no price."""
    details = pricing.price_details if pricing else None
    return id_of(details.price) if details else ""


class Line(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    amount: int
    """Before discounts; with such taxes as are included in prices."""
    period: Period
    description: str | None = None
    discount_amounts: list[Discount] | None = None
    metadata: dict[str, str] | None = None
    parent: LineParent | None = None
    pricing: Pricing | None = None
    quantity: int | None = None
    taxes: list[Tax] | None = None

    @property
    def price_id(self) -> str:
        return _price_of(self.pricing)

    @property
    def proration(self) -> bool:
        parent = self.parent or LineParent()
        return any(
            details is not None and details.proration
            for details in (parent.subscription_item_details, parent.invoice_item_details)
        )


class Lines(msgspec.Struct, frozen=True, kw_only=True):
    data: list[Line]
    has_more: bool = False


class ItemSubscription(msgspec.Struct, frozen=True, kw_only=True):
    subscription: Reference = None
    subscription_item: Reference = None


class ItemParent(msgspec.Struct, frozen=True, kw_only=True):
    subscription_details: ItemSubscription | None = None


class InvoiceItem(msgspec.Struct, frozen=True, kw_only=True):
    """What waits for the next invoice."""

    amount: int
    currency: str
    period: Period
    parent: ItemParent | None = None
    pricing: Pricing | None = None
    proration: bool = False
    quantity: int | None = None

    @property
    def price_id(self) -> str:
        return _price_of(self.pricing)

    @property
    def subscription_id(self) -> str:
        """Empty for one that goes with any invoice of the customer's."""
        details = self.parent.subscription_details if self.parent else None
        return id_of(details.subscription) if details else ""

    @property
    def subscription_item_id(self) -> str:
        """Empty for one that somebody made."""
        details = self.parent.subscription_details if self.parent else None
        return id_of(details.subscription_item) if details else ""


class InvoiceSubscription(msgspec.Struct, frozen=True, kw_only=True):
    subscription: Reference
    metadata: dict[str, str] | None = None
    """The subscription's, as it was when the invoice was finalized."""


class InvoiceParent(msgspec.Struct, frozen=True, kw_only=True):
    subscription_details: InvoiceSubscription | None = None


class PaidBy(msgspec.Struct, frozen=True, kw_only=True):
    """By a PaymentIntent, or a charge without one; what a `payment_record` reports never was at Stripe."""

    type: str
    payment_intent: Reference = None
    charge: Reference = None


class InvoicePayment(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    payment: PaidBy
    status: str
    invoice: Reference = None
    is_default: bool = True
    """The one that Stripe made for all that is due; others were attached."""


class InvoicePayments(msgspec.Struct, frozen=True, kw_only=True):
    data: list[InvoicePayment]


class Transitions(msgspec.Struct, frozen=True, kw_only=True):
    finalized_at: int | None = None
    marked_uncollectible_at: int | None = None
    paid_at: int | None = None
    voided_at: int | None = None


class Invoice(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    created: int
    currency: str
    total: int
    lines: Lines
    status: InvoiceStatus | None = None
    number: str | None = None
    amount_due: int = 0
    attempted: bool = False
    billing_reason: str | None = None
    ending_balance: int | None = None
    """Of the customer, after this; with `starting_balance` it says how much of their credit went into it."""
    starting_balance: int = 0
    parent: InvoiceParent | None = None
    payments: InvoicePayments | None = None
    """Only when expanded."""
    post_payment_credit_notes_amount: int = 0
    pre_payment_credit_notes_amount: int = 0
    status_transitions: Transitions = Transitions()
    total_excluding_tax: int | None = None
    total_taxes: list[Tax] | None = None

    @property
    def subscription(self) -> InvoiceSubscription | None:
        return self.parent.subscription_details if self.parent else None

    @property
    def from_credit(self) -> int:
        """Out of the customer's balance, and by credit notes of before it was paid; below zero for an amount
        that was put on their balance as it is too small to be charged.
        """
        ending = self.starting_balance if self.ending_balance is None else self.ending_balance
        return ending - self.starting_balance + self.pre_payment_credit_notes_amount

    @property
    def owed(self) -> bool:
        """It was tried to be paid, in vain so far."""
        return self.status == "open" and self.attempted


class CreditRefund(msgspec.Struct, frozen=True, kw_only=True):
    refund: Reference = None


class CreditNote(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    amount: int
    created: int
    invoice: Reference
    number: str
    status: Literal["issued", "void"]
    metadata: dict[str, str] | None = None
    reason: str | None = None
    refunds: list[CreditRefund] = []
    total_taxes: list[Tax] | None = None
    voided_at: int | None = None


class PresentInvoice(msgspec.Struct, frozen=True, kw_only=True):
    """An invoice with all that hangs on it, as last fetched."""

    invoice: Invoice
    intents: list[PaymentIntent] = []
    charges: list[Charge] = []
    """All attempts, also those that failed, in no order."""
    credit_notes: list[CreditNote] = []
    refunds: list[Refund] = []
    disputes: list[Dispute] = []
