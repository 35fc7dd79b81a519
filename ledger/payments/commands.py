"""What can be asked of one payment. `Record…` commands carry what Stripe says, and are never refused."""

from __future__ import annotations

from typing import ClassVar, Literal

import msgspec

from ledger.balance import BalanceTransaction
from ledger.hosted import HostedPage
from ledger.message import Command, Instant
from ledger.split import Sale


class InitiatePayment(Command, frozen=True, kw_only=True):
    NAME: ClassVar[str] = "payments.initiate"
    GENERATED: ClassVar[frozenset[str]] = frozenset({"payment_id", "stripe_customer_id", "sale", "page"})
    """The customer is looked up by us and may be known only at the second sending; a page lasts from then."""
    ADDED: ClassVar[frozenset[str]] = frozenset({"org_id"})
    payment_id: str
    user_id: str
    amount_minor: int
    currency: str
    payment_method_id: str
    purpose: str = "plain"
    purpose_ref: str = ""
    description: str = ""
    stripe_customer_id: str = ""
    save_payment_method: bool = False
    sale: Sale | None = None
    """What was agreed, for a purpose that is a sale; None for any other."""
    org_id: str = ""
    """Whose the money is until an invoice is paid with it, for the purpose `licence`; empty for any other."""
    page: HostedPage | None = None
    """On which it is paid; then `payment_method_id` is empty, as it is chosen there."""


class RefundSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """A Stripe refund as it is now. `refund_id` is ours, from its metadata, or empty when made outside."""

    stripe_refund_id: str
    refund_id: str = ""
    revoke_access: bool = False
    """As our request said, also from the metadata; and so the next one."""
    is_return: bool = False
    amount_minor: int
    currency: str
    status: Literal["pending", "requires_action", "succeeded", "failed", "canceled"]
    reason: str = ""
    failure_reason: str = ""
    balance_transaction: BalanceTransaction | None = None
    failure_balance_transaction: BalanceTransaction | None = None


class DisputeSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """A Stripe dispute as it is now, with the balance transactions in Stripe's order."""

    dispute_id: str
    charge_id: str
    amount_minor: int
    currency: str
    reason: str
    status: str
    opened_at: Instant
    evidence_due_at: Instant | None = None
    balance_transactions: tuple[BalanceTransaction, ...] = ()


class LostPayment(msgspec.Struct, frozen=True, kw_only=True):
    """What a payment of this ledger began with, as far as Stripe was told: for one whose beginning is gone
    here, since the database was restored to a time before it.
    """

    user_id: str
    payment_method_id: str = ""
    purpose: str = "plain"
    purpose_ref: str = ""
    description: str = ""
    stripe_customer_id: str = ""
    save_payment_method: bool = False
    sale: Sale | None = None
    """None also when Stripe was not told, as by a version before this."""
    org_id: str = ""
    page: HostedPage | None = None


class RecordPaymentSnapshot(Command, frozen=True, kw_only=True):
    """What Stripe says of a PaymentIntent now, with its charge, refunds and disputes.

    The decider records only what is new in it, so the order and number of snapshots do not matter.
    """

    NAME: ClassVar[str] = "payments.record_snapshot"
    payment_id: str
    payment_intent_id: str
    status: Literal[
        "requires_payment_method",
        "requires_confirmation",
        "requires_action",
        "requires_capture",
        "processing",
        "succeeded",
        "canceled",
    ]
    amount_minor: int
    amount_received_minor: int
    currency: str
    action: str = ""
    charge_id: str = ""
    captured_at: Instant | None = None
    """The charge's `created`; the command's own time stands in when it is not given."""
    balance_transaction: BalanceTransaction | None = None
    failure_code: str = ""
    decline_code: str = ""
    cancellation_reason: str = ""
    refunds: tuple[RefundSnapshot, ...] = ()
    disputes: tuple[DisputeSnapshot, ...] = ()
    lost: LostPayment | None = None
    """None for a payment that does not name this ledger. Counts only where the ledger has none."""
    page_over: bool = False
    """Whether Stripe says that its page is complete or expired: till then a card that was declined there is
    no end, as another one may be tried.
    """


class RecordPaymentPage(Command, frozen=True, kw_only=True):
    """What Stripe says now of the page on which a payment is made. How it was paid is the PaymentIntent's to
    tell: see `RecordPaymentSnapshot`.
    """

    NAME: ClassVar[str] = "payments.record_page"
    payment_id: str
    session_id: str
    status: Literal["open", "complete", "expired"]
    payment_intent_id: str = ""


class RecordPaymentFailure(Command, frozen=True, kw_only=True):
    """Stripe refused the request itself (4xx), so no PaymentIntent succeeded."""

    NAME: ClassVar[str] = "payments.record_failure"
    payment_id: str
    code: str
    decline_code: str = ""
    payment_intent_id: str = ""


class RecordPaymentUnknown(Command, frozen=True, kw_only=True):
    """The call to Stripe timed out or was answered 5xx."""

    NAME: ClassVar[str] = "payments.record_unknown"
    payment_id: str
    cause: str


class RecordFundsAvailable(Command, frozen=True, kw_only=True):
    """The hold on a charge's funds is over; refused before `available_at`."""

    NAME: ClassVar[str] = "payments.record_funds_available"
    payment_id: str


class CancelPayment(Command, frozen=True, kw_only=True):
    """Have Stripe cancel what was not captured yet. Its answer alone ends the payment."""

    NAME: ClassVar[str] = "payments.cancel"
    ADDED: ClassVar[frozenset[str]] = frozenset({"by_admin"})
    payment_id: str
    user_id: str
    """Who asks; must own the payment unless `by_admin` or `by_system`."""
    by_system: bool = False
    """What it was for is gone. Then one that was captured meanwhile is no error."""
    by_admin: bool = False
    reason: Literal["requested_by_customer", "abandoned", "duplicate", "fraudulent", "expired"] = (
        "requested_by_customer"
    )
    """All but the last are Stripe's words; that is ours: nobody confirmed it in time."""


class RequestRefund(Command, frozen=True, kw_only=True):
    """`amount_minor` None means all that is left."""

    NAME: ClassVar[str] = "payments.request_refund"
    GENERATED: ClassVar[frozenset[str]] = frozenset({"refund_id"})
    payment_id: str
    refund_id: str
    amount_minor: int | None
    reason: Literal["requested_by_customer", "duplicate", "fraudulent"]
    by_admin: bool
    user_id: str
    """Who asks; must own the payment unless `by_admin`."""
    note: str = ""
    revoke_access: bool = False


class RecordRefundFailure(Command, frozen=True, kw_only=True):
    """Stripe refused the refund request itself (4xx)."""

    NAME: ClassVar[str] = "payments.record_refund_failure"
    payment_id: str
    refund_id: str
    reason: str


class RecordRefundUnknown(Command, frozen=True, kw_only=True):
    NAME: ClassVar[str] = "payments.record_refund_unknown"
    payment_id: str
    refund_id: str
    cause: str


PaymentCommand = (
    InitiatePayment
    | RecordPaymentSnapshot
    | RecordPaymentPage
    | RecordPaymentFailure
    | RecordPaymentUnknown
    | RecordFundsAvailable
    | CancelPayment
    | RequestRefund
    | RecordRefundFailure
    | RecordRefundUnknown
)
