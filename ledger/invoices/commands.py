"""What can be asked of one invoice. `Record…` commands carry what Stripe says, and are never refused."""

from __future__ import annotations

from datetime import date
from typing import ClassVar, Literal

import msgspec

from ledger.balance import BalanceTransaction
from ledger.invoices.events import InvoiceLine
from ledger.message import Command, Instant
from ledger.payments.commands import DisputeSnapshot


class InvoiceAttempt(msgspec.Struct, frozen=True, kw_only=True):
    """A failed attempt to charge. Stripe's `attempt_count` leaves out those that we make ourselves, so each
    is known by the id of its failed charge; without a charge, by that of the PaymentIntent.
    """

    attempt_id: str
    failed_at: Instant
    code: str
    decline_code: str = ""


class InvoiceCharge(msgspec.Struct, frozen=True, kw_only=True):
    """A charge that succeeded."""

    charge_id: str
    amount_minor: int
    balance_transaction: BalanceTransaction | None = None


class CreditSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """A Stripe credit note and its refund as they are now. `credit_id` is ours, from metadata, or empty."""

    stripe_credit_note_id: str
    credit_id: str = ""
    number: str = ""
    amount_minor: int
    created_at: Instant
    tax_minor: int = 0
    """Of `amount_minor`."""
    status: Literal["issued", "void"] = "issued"
    reason: str = ""
    stripe_refund_id: str = ""
    balance_transaction: BalanceTransaction | None = None
    failure_balance_transaction: BalanceTransaction | None = None
    refunded_minor: int | None = None
    """What this refund gives back of it; all of it where nothing is said. A note of several refunds is told
    once for each."""
    without_note: bool = False
    """A refund that was made without a credit note, so that nobody says which tax it gives back."""


class RecordInvoiceSnapshot(Command, frozen=True, kw_only=True):
    """What Stripe says of an invoice now, as a whole: all its attempts, credit notes and disputes.

    The decider records only what is new in it. A draft is no news.
    """

    NAME: ClassVar[str] = "invoices.record_snapshot"
    stripe_invoice_id: str
    subscription_id: str
    user_id: str
    status: Literal["draft", "open", "paid", "uncollectible", "void"]
    number: str
    billing_reason: str
    currency: str
    lines: tuple[InvoiceLine, ...]
    total_minor: int
    tax_minor: int
    finalized_at: Instant
    attempts: tuple[InvoiceAttempt, ...] = ()
    action_required: bool = False
    """The PaymentIntent waits for the cardholder."""
    payment_intent_id: str = ""
    charge_id: str = ""
    """Of the newest charge that succeeded."""
    charged_minor: int = 0
    """By all of them."""
    earlier_charges: tuple[InvoiceCharge, ...] = ()
    """That succeeded before that one, in their order."""
    due_minor: int = 0
    """What is to be paid after the customer's credit."""
    off_stripe_minor: int = 0
    """Of a paid one, what neither was charged nor came out of the customer's credit."""
    paid_at: Instant | None = None
    balance_transaction: BalanceTransaction | None = None
    credits: tuple[CreditSnapshot, ...] = ()
    disputes: tuple[DisputeSnapshot, ...] = ()


class RecordInvoiceFundsAvailable(Command, frozen=True, kw_only=True):
    """The hold on the charge's funds is over; refused before `available_at`."""

    NAME: ClassVar[str] = "invoices.record_funds_available"
    stripe_invoice_id: str
    charge_id: str = ""
    """Of one that paid a part; empty for the one that settled the invoice."""


class RecordOffStripePayment(Command, frozen=True, kw_only=True):
    """What is open of what was paid outside Stripe, or a part of it, came in `received_on` that day."""

    NAME: ClassVar[str] = "invoices.record_off_stripe_payment"
    GENERATED: ClassVar[frozenset[str]] = frozenset({"payment_id"})
    stripe_invoice_id: str
    payment_id: str
    amount_minor: int
    reference: str
    received_on: date


class RequestInvoiceRetry(Command, frozen=True, kw_only=True):
    """Try to charge again: as scheduled, with a card that is new since the last attempt, or as the customer
    asks. `user_id` is who asks, and must be the invoice's when it is the customer.
    """

    NAME: ClassVar[str] = "invoices.request_retry"
    stripe_invoice_id: str
    cause: Literal["schedule", "new_card", "customer"]
    user_id: str = ""


class RecordInvoiceRetryFailure(Command, frozen=True, kw_only=True):
    """Stripe refused the request itself. A decline comes as a snapshot with its attempt."""

    NAME: ClassVar[str] = "invoices.record_retry_failure"
    stripe_invoice_id: str
    attempt: int
    code: str


class RecordInvoiceRetryUnknown(Command, frozen=True, kw_only=True):
    NAME: ClassVar[str] = "invoices.record_retry_unknown"
    stripe_invoice_id: str
    attempt: int
    cause: str


class RequestCredit(Command, frozen=True, kw_only=True):
    """Give back; `amount_minor` (with tax) None means all that is left."""

    NAME: ClassVar[str] = "invoices.request_credit"
    GENERATED: ClassVar[frozenset[str]] = frozenset({"credit_id"})
    stripe_invoice_id: str
    credit_id: str
    amount_minor: int | None
    reason: Literal["duplicate", "fraudulent", "order_change", "product_unsatisfactory"]
    note: str = ""


class RecordCreditFailure(Command, frozen=True, kw_only=True):
    NAME: ClassVar[str] = "invoices.record_credit_failure"
    stripe_invoice_id: str
    credit_id: str
    code: str


class RecordCreditUnknown(Command, frozen=True, kw_only=True):
    NAME: ClassVar[str] = "invoices.record_credit_unknown"
    stripe_invoice_id: str
    credit_id: str
    cause: str


class TakeUnusedTime(Command, frozen=True, kw_only=True):
    """A change of plan takes this much off. `strictly`: refused when less is left, as nothing was taken yet;
    else as much as there is, since Stripe's invoice has done it.
    """

    NAME: ClassVar[str] = "invoices.take_unused_time"
    stripe_invoice_id: str
    taker: str
    amount_minor: int
    strictly: bool = False
    instead_of: str = ""
    """Another taker, whose change this one supersedes."""


class RecordOvergiven(Command, frozen=True, kw_only=True):
    """So much of what a settled invoice took off, without tax, was not paid any more. Counts once."""

    NAME: ClassVar[str] = "invoices.record_overgiven"
    stripe_invoice_id: str
    amount_minor: int


class EndCollection(Command, frozen=True, kw_only=True):
    """The subscription ended at `at`: collect the invoice no more, unless it was paid before that."""

    NAME: ClassVar[str] = "invoices.end_collection"
    stripe_invoice_id: str
    at: Instant


class CloseDay(Command, frozen=True, kw_only=True):
    """Recognise what was earned until the end of `day` (UTC). Days may be left out, and repeated."""

    NAME: ClassVar[str] = "invoices.close_day"
    stripe_invoice_id: str
    day: date


class EndService(Command, frozen=True, kw_only=True):
    """The subscription ended at `at`: recognise what is still deferred. Do it after what is refunded for the
    rest of the time is credited.
    """

    NAME: ClassVar[str] = "invoices.end_service"
    stripe_invoice_id: str
    at: Instant


InvoiceCommand = (
    RecordInvoiceSnapshot
    | RecordInvoiceFundsAvailable
    | RecordOffStripePayment
    | RequestInvoiceRetry
    | RecordInvoiceRetryFailure
    | RecordInvoiceRetryUnknown
    | RequestCredit
    | RecordCreditFailure
    | RecordCreditUnknown
    | TakeUnusedTime
    | RecordOvergiven
    | EndCollection
    | CloseDay
    | EndService
)
