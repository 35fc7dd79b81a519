"""Facts about what one instructor earns in one currency, and is paid of it."""

from __future__ import annotations

from datetime import date
from typing import ClassVar

from ledger.balance import BalanceTransaction
from ledger.earnings.terms import Reckoning
from ledger.message import Event, Instant


class EarningsAccrued(Event, frozen=True, kw_only=True):
    """More is owed, or less: exactly what the books post to 2100 for the fact at `cause_position`."""

    TYPE: ClassVar[str] = "earnings.accrued.v1"
    user_id: str
    currency: str
    kind: str
    """`sale`, `granted`, `refund`, `refund_failed`, `dispute_lost` or `dispute_won`."""
    amount_minor: int
    available_on: date
    """The day of the sale's, also of what is taken back and of what comes back."""
    course_id: str
    payment_id: str = ""
    """Empty for a course that the platform gave for nothing."""
    cause_position: int
    reckoning: Reckoning
    recovery: str = ""
    """How what it takes of what was paid out, or was on its way, comes in again, `netting` or `reversal`;
    empty where it takes nothing of that."""
    receivable_change_minor: int = 0
    """By how much more the instructor owes the platform, in 1210 of the books; below zero for less."""


class EarningsHeld(Event, frozen=True, kw_only=True):
    """Disputes hold more of what one payment earned, or less. It stays owed, and keeps its date."""

    TYPE: ClassVar[str] = "earnings.held.v1"
    user_id: str
    currency: str
    change_minor: int
    available_on: date
    course_id: str
    payment_id: str
    cause_position: int


class PayoutReserved(Event, frozen=True, kw_only=True):
    """The intent, before Stripe hears of it: all that was available then."""

    TYPE: ClassVar[str] = "earnings.payout_reserved.v1"
    payout_id: str
    attempt: int
    """The first is 1; another one follows a refusal, of what is available by then."""
    user_id: str
    currency: str
    amount_minor: int
    stripe_account_id: str
    reserved_at: Instant


class PayoutOutcomeUnknown(Event, frozen=True, kw_only=True):
    """Whether Stripe made the transfer is being found out; until then it stays reserved."""

    TYPE: ClassVar[str] = "earnings.payout_outcome_unknown.v1"
    payout_id: str
    attempt: int
    user_id: str
    currency: str
    cause: str


class PayoutBlocked(Event, frozen=True, kw_only=True):
    """Stripe made no transfer, and what was reserved is available again, with the dates that it had."""

    TYPE: ClassVar[str] = "earnings.payout_blocked.v1"
    payout_id: str
    attempt: int
    user_id: str
    currency: str
    amount_minor: int
    code: str
    """Stripe's, or `never_reached_stripe`."""


class PayoutTransferred(Event, frozen=True, kw_only=True):
    """It is in the connected account. Whole in itself: a ledger that was restored may not know the rest."""

    TYPE: ClassVar[str] = "earnings.payout_transferred.v1"
    payout_id: str
    attempt: int
    user_id: str
    currency: str
    amount_minor: int
    stripe_account_id: str
    transfer_id: str
    balance_transaction: BalanceTransaction
    was_reserved: bool = True
    """False for one that was not known of, or was taken for refused."""
    receivable_change_minor: int = 0


class PayoutWithheld(Event, frozen=True, kw_only=True):
    """What is available is not paid, and why; once for each reason, however many runs find it."""

    TYPE: ClassVar[str] = "earnings.payout_withheld.v1"
    user_id: str
    currency: str
    amount_minor: int
    reason: str
    """`account_not_payable`, `balance_below_zero` or `platform_short`."""
    detail: str = ""
    """For the instructor, in words."""


class RecallRequested(Event, frozen=True, kw_only=True):
    """The intent to have a transfer reversed, as far as that amount."""

    TYPE: ClassVar[str] = "earnings.recall_requested.v1"
    recall_id: str
    user_id: str
    currency: str
    payout_id: str
    transfer_id: str
    amount_minor: int
    cause: str
    """The kind of what took it back, or `asked`."""
    cause_position: int = 0
    """Of that fact; 0 where somebody asked."""
    requested_at: Instant


class RecallOutcomeUnknown(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "earnings.recall_outcome_unknown.v1"
    recall_id: str
    user_id: str
    currency: str
    cause: str


class RecallRefused(Event, frozen=True, kw_only=True):
    """Stripe reversed nothing, as where the account's balance is too low: it is netted from then on."""

    TYPE: ClassVar[str] = "earnings.recall_refused.v1"
    recall_id: str
    user_id: str
    currency: str
    amount_minor: int
    code: str


class TransferReversed(Event, frozen=True, kw_only=True):
    """In part or whole, asked for by us or not: the money is the platform's to keep again."""

    TYPE: ClassVar[str] = "earnings.transfer_reversed.v1"
    user_id: str
    currency: str
    payout_id: str
    transfer_id: str
    reversal_id: str
    recall_id: str = ""
    """Empty for one that was made at Stripe by somebody."""
    amount_minor: int
    balance_transaction: BalanceTransaction
    receivable_change_minor: int = 0


PayoutEvent = (
    PayoutReserved
    | PayoutOutcomeUnknown
    | PayoutBlocked
    | PayoutTransferred
    | PayoutWithheld
    | TransferReversed
)
RecallEvent = RecallRequested | RecallOutcomeUnknown | RecallRefused
EarningsEvent = EarningsAccrued | EarningsHeld | PayoutEvent | RecallEvent
