"""Facts about one invoice of a subscription: its lines, attempts, money, credits, disputes and revenue."""

from __future__ import annotations

from datetime import date
from typing import ClassVar

import msgspec

from ledger.balance import BalanceTransaction
from ledger.message import Event, Instant
from ledger.payments.events import (
    DisputeFundsReinstated,
    DisputeFundsWithdrawn,
    DisputeLost,
    DisputeOpened,
    DisputeStatusChanged,
    DisputeWon,
)


class InvoiceLine(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`amount_minor` is without tax, and negative for time that was paid and is not used."""

    line_id: str
    amount_minor: int
    period_start: Instant
    period_end: Instant
    description: str = ""
    tax_minor: int = 0
    proration: bool = False
    correction: bool = False
    """It takes back what Stripe's proration gave for time of which less was still paid."""


class LineAmount(msgspec.Struct, frozen=True, kw_only=True):
    line_id: str
    amount_minor: int


class LineCredit(msgspec.Struct, frozen=True, kw_only=True):
    """What a credit takes from a line: of its revenue to come, and of its revenue recognised so far."""

    line_id: str
    deferred_minor: int
    recognised_minor: int


class InvoiceFinalized(Event, frozen=True, kw_only=True):
    """Its lines and sums never change after this; what is wrong is credited."""

    TYPE: ClassVar[str] = "invoices.finalized.v1"
    stripe_invoice_id: str
    subscription_id: str
    user_id: str
    number: str
    """Stripe's number of the invoice; the receipt's is ours."""
    billing_reason: str
    """`subscription_create`, `subscription_cycle`, `subscription_update` or another of Stripe's."""
    currency: str
    lines: tuple[InvoiceLine, ...]
    total_minor: int
    """With tax; what is due is less by what the customer had to their credit."""
    tax_minor: int
    period_start: Instant
    """The service that it bills: the earliest of its lines' periods, and the latest."""
    period_end: Instant
    finalized_at: Instant


class InvoicePaymentFailed(Event, frozen=True, kw_only=True):
    """One attempt, known by its `attempt_id`. `retry_at` is our next one; None when a new card must come
    first, or when it was the last.
    """

    TYPE: ClassVar[str] = "invoices.payment_failed.v1"
    attempt_id: str
    attempt: int
    """From 1."""
    failed_at: Instant
    code: str
    decline_code: str = ""
    hard: bool = False
    """The bank will say no again: only a new card helps."""
    retry_at: Instant | None = None


class InvoiceActionRequired(Event, frozen=True, kw_only=True):
    """The cardholder must confirm the payment with their bank."""

    TYPE: ClassVar[str] = "invoices.action_required.v1"
    payment_intent_id: str


class InvoicePaid(Event, frozen=True, kw_only=True):
    """Nothing is owed on it any more. The n-th of these with a total above zero has receipt number n."""

    TYPE: ClassVar[str] = "invoices.paid.v1"
    paid_at: Instant
    charged_minor: int
    """By card, all charges together; the rest of the total came out of the customer's credit, but for what is
    in `off_stripe_minor`."""
    currency: str
    payment_intent_id: str = ""
    charge_id: str = ""
    off_stripe_minor: int = 0
    """Said to be paid elsewhere, as by bank transfer or in cash."""


class InvoicePartSettled(Event, frozen=True, kw_only=True):
    """Stripe's balance moved by one of several charges, which did not pay the invoice by itself: what it
    brought is the customer's until the invoice is settled out of it. Of a void one it stays theirs.
    """

    TYPE: ClassVar[str] = "invoices.part_settled.v1"
    subscription_id: str
    user_id: str
    charge_id: str
    charged_minor: int
    """In the invoice's currency."""
    balance_transaction: BalanceTransaction


class PartRefunded(Event, frozen=True, kw_only=True):
    """Of such a charge of an invoice that is not paid Stripe gave something back, or had it back when that
    failed. There is nothing to credit: the money was the customer's.
    """

    TYPE: ClassVar[str] = "invoices.part_refunded.v1"
    user_id: str
    stripe_refund_id: str
    balance_transaction: BalanceTransaction
    booked_minor: int
    """What was theirs of it, at the rate of the charge; below zero when it came back."""


class InvoiceSettled(Event, frozen=True, kw_only=True):
    """Stripe's balance moved by the charge that paid it in full. All amounts are in the currency of
    settlement. What lines and tax are more than the charge was the customer's, by credit or earlier charges.
    """

    TYPE: ClassVar[str] = "invoices.settled.v1"
    subscription_id: str
    user_id: str
    charge_id: str
    balance_transaction: BalanceTransaction
    lines: tuple[LineAmount, ...]
    """What is deferred of each line, without tax."""
    tax_minor: int
    off_stripe_minor: int = 0
    """A receivable from the user, until finance says where it came in."""


class InvoiceSettledWithoutCharge(Event, frozen=True, kw_only=True):
    """Paid out of the customer's credit or outside Stripe, or nothing was due, as for a trial."""

    TYPE: ClassVar[str] = "invoices.settled_without_charge.v1"
    subscription_id: str
    user_id: str
    currency: str
    lines: tuple[LineAmount, ...]
    tax_minor: int
    off_stripe_minor: int = 0
    """As above."""


class OffStripePaymentRecorded(Event, frozen=True, kw_only=True):
    """Finance found in our bank what an invoice was said to be paid with outside Stripe, or a part of it."""

    TYPE: ClassVar[str] = "invoices.off_stripe_payment_recorded.v1"
    payment_id: str
    user_id: str
    amount_minor: int
    currency: str
    received_on: date
    reference: str


class InvoiceFundsAvailable(Event, frozen=True, kw_only=True):
    """Stripe's hold is over: the net moved from pending to available."""

    TYPE: ClassVar[str] = "invoices.funds_available.v1"
    balance_transaction_id: str
    net_minor: int
    currency: str
    charge_id: str = ""
    """Of one that paid a part; empty for the one that settled the invoice."""


class InvoiceRetryRequested(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "invoices.retry_requested.v1"
    stripe_invoice_id: str
    attempt: int
    """The attempt that it will be; the idempotency key at Stripe is made of it."""
    cause: str
    """`schedule`, `new_card` or `customer`."""
    at: Instant


class InvoiceRetryUnknown(Event, frozen=True, kw_only=True):
    """Stripe timed out or said 5xx; no other attempt is made before it is known what became of it."""

    TYPE: ClassVar[str] = "invoices.retry_unknown.v1"
    attempt: int
    cause: str


class InvoiceRetryFailed(Event, frozen=True, kw_only=True):
    """Stripe refused the request itself and made no attempt. A decline is `InvoicePaymentFailed`."""

    TYPE: ClassVar[str] = "invoices.retry_failed.v1"
    attempt: int
    code: str
    retry_at: Instant | None = None


class CreditRequested(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "invoices.credit_requested.v1"
    stripe_invoice_id: str
    credit_id: str
    amount_minor: int
    """With tax."""
    currency: str
    reason: str
    note: str = ""


class CreditFailed(Event, frozen=True, kw_only=True):
    """Stripe refused to credit (4xx), or voided the credit note."""

    TYPE: ClassVar[str] = "invoices.credit_failed.v1"
    credit_id: str
    code: str


class CreditUnknown(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "invoices.credit_unknown.v1"
    credit_id: str
    cause: str


class InvoiceCredited(Event, frozen=True, kw_only=True):
    """A credit note stands, and the invoice is in the books.

    `credit_id` is ours, or Stripe's when it was made in the dashboard.
    `amount_minor` is the document's, in the invoice's `invoice_currency`. `deferred_minor`,
    `recognised_minor`, `tax_minor` and `lines` are the books', in `currency`, that of settlement.
    """

    TYPE: ClassVar[str] = "invoices.credited.v1"
    subscription_id: str
    user_id: str
    credit_id: str
    stripe_credit_note_id: str
    number: str
    amount_minor: int
    invoice_currency: str
    currency: str
    deferred_minor: int
    recognised_minor: int
    tax_minor: int
    lines: tuple[LineCredit, ...]
    stripe_refund_id: str = ""
    reason: str = ""


class CreditSettled(Event, frozen=True, kw_only=True):
    """Stripe's balance moved by the credit's refund (a negative balance transaction)."""

    TYPE: ClassVar[str] = "invoices.credit_settled.v1"
    user_id: str
    credit_id: str
    stripe_refund_id: str
    balance_transaction: BalanceTransaction
    booked_minor: int
    """What the credit note owed the customer for it, at the rate of the charge."""


class CreditReversed(Event, frozen=True, kw_only=True):
    """The refund failed and Stripe gave the money back to us: it is owed to the customer again."""

    TYPE: ClassVar[str] = "invoices.credit_reversed.v1"
    user_id: str
    credit_id: str
    stripe_refund_id: str
    balance_transaction: BalanceTransaction
    booked_minor: int


class InvoiceRecognised(Event, frozen=True, kw_only=True):
    """What was earned up to the end of `day` (UTC) and was not recognised before; negative for a line that
    gives back unused time.
    """

    TYPE: ClassVar[str] = "invoices.recognised.v1"
    subscription_id: str
    day: date
    currency: str
    amounts: tuple[LineAmount, ...]
    total_minor: int


class ServiceEnded(Event, frozen=True, kw_only=True):
    """The subscription ended early and no money went back: what was still deferred is earned."""

    TYPE: ClassVar[str] = "invoices.service_ended.v1"
    subscription_id: str
    at: Instant
    currency: str
    amounts: tuple[LineAmount, ...]
    remaining_minor: int


class UnusedTimeTaken(Event, frozen=True, kw_only=True):
    """A change of plan takes this much off for time that was paid with this invoice. The last fact of a
    `taker` counts; 0 when it takes nothing after all.
    """

    TYPE: ClassVar[str] = "invoices.unused_time_taken.v1"
    taker: str
    """Names the moment of the change."""
    amount_minor: int
    """With tax, in the invoice's currency."""


class UnusedTimeOvergiven(Event, frozen=True, kw_only=True):
    """Of what it took off for unused time this much was not paid any more, as Stripe prorates by the price:
    that is given back, and no less to earn. `amount_minor` is of its lines; the others are the books', in
    `currency`.
    """

    TYPE: ClassVar[str] = "invoices.unused_time_overgiven.v1"
    subscription_id: str
    amount_minor: int
    currency: str
    given_back_minor: int
    lines: tuple[LineAmount, ...]
    """How much less each takes from what is deferred."""


class CreditUndone(Event, frozen=True, kw_only=True):
    """What bounced of a credit was not given back after all: it is sold again, and can be given again.

    `amount_minor` is the document's. The others are the books', in `currency`: there they go back to.
    """

    TYPE: ClassVar[str] = "invoices.credit_undone.v1"
    subscription_id: str
    user_id: str
    credit_id: str
    amount_minor: int
    currency: str
    deferred_minor: int
    recognised_minor: int
    tax_minor: int
    lines: tuple[LineCredit, ...]


class CollectionEnded(Event, frozen=True, kw_only=True):
    """Its subscription ended at `at` before it was paid: it is not collected any more. What is paid of it all
    the same goes back.
    """

    TYPE: ClassVar[str] = "invoices.collection_ended.v1"
    stripe_invoice_id: str
    at: Instant


class InvoiceVoided(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "invoices.voided.v1"
    stripe_invoice_id: str


class InvoiceUncollectible(Event, frozen=True, kw_only=True):
    """Given up; it can still be paid."""

    TYPE: ClassVar[str] = "invoices.uncollectible.v1"
    stripe_invoice_id: str


# A dispute of an invoice's charge is what a dispute of a payment's is; `payment_id` is the invoice's id.


class InvoiceDisputeOpened(DisputeOpened, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "invoices.dispute_opened.v1"


class InvoiceDisputeFundsWithdrawn(DisputeFundsWithdrawn, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "invoices.dispute_funds_withdrawn.v1"


class InvoiceDisputeFundsReinstated(DisputeFundsReinstated, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "invoices.dispute_funds_reinstated.v1"


class InvoiceDisputeStatusChanged(DisputeStatusChanged, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "invoices.dispute_status_changed.v1"


class InvoiceDisputeWon(DisputeWon, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "invoices.dispute_won.v1"


class InvoiceDisputeLost(DisputeLost, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "invoices.dispute_lost.v1"


InvoiceDisputeEvent = (
    InvoiceDisputeOpened
    | InvoiceDisputeFundsWithdrawn
    | InvoiceDisputeFundsReinstated
    | InvoiceDisputeStatusChanged
    | InvoiceDisputeWon
    | InvoiceDisputeLost
)

InvoiceEvent = (
    InvoiceFinalized
    | InvoicePaymentFailed
    | InvoiceActionRequired
    | InvoicePaid
    | InvoicePartSettled
    | PartRefunded
    | InvoiceSettled
    | InvoiceSettledWithoutCharge
    | OffStripePaymentRecorded
    | InvoiceFundsAvailable
    | InvoiceRetryRequested
    | InvoiceRetryUnknown
    | InvoiceRetryFailed
    | CreditRequested
    | CreditFailed
    | CreditUnknown
    | InvoiceCredited
    | CreditSettled
    | CreditReversed
    | CreditUndone
    | UnusedTimeTaken
    | UnusedTimeOvergiven
    | CollectionEnded
    | InvoiceRecognised
    | ServiceEnded
    | InvoiceVoided
    | InvoiceUncollectible
    | InvoiceDisputeEvent
)
