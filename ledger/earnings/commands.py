"""What can be asked of an instructor's earnings. What sales change comes from the ledger itself, and is never
refused; a payout can be.
"""

from __future__ import annotations

from datetime import date
from typing import ClassVar

from ledger.balance import BalanceTransaction
from ledger.earnings.terms import Kind, Reckoning, Recovery
from ledger.message import Command


class AccrueEarnings(Command, frozen=True, kw_only=True):
    """What one fact about a sale changes for one of its instructors.

    All of it is added, so that deliveries end alike in any order.
    """

    NAME: ClassVar[str] = "earnings.accrue"
    GENERATED: ClassVar[frozenset[str]] = frozenset({"recovery"})
    user_id: str
    currency: str
    """Of settlement: in it the instructor is owed."""
    kind: Kind
    amount_minor: int
    """Below zero for what is taken back; 0 where only what is held changes."""
    held_change_minor: int = 0
    available_on: date
    """The day of the sale's, whatever the fact: what comes back keeps its date."""
    course_id: str
    payment_id: str = ""
    """Empty for a course that the platform gave for nothing."""
    cause_position: int
    """Of the fact that says so, which is its entry's in the books."""
    reckoning: Reckoning
    recovery: Recovery = "netting"
    """The operator's choice, of the day on which it is decided."""


class RequestPayout(Command, frozen=True, kw_only=True):
    """Of all that is available. That the account can be paid is looked at before; Stripe has the last
    word.
    """

    NAME: ClassVar[str] = "earnings.request_payout"
    GENERATED: ClassVar[frozenset[str]] = frozenset({"payout_id", "stripe_account_id"})
    payout_id: str
    user_id: str
    currency: str
    stripe_account_id: str


class RetryPayout(Command, frozen=True, kw_only=True):
    """Of one that Stripe refused: of what is available now."""

    NAME: ClassVar[str] = "earnings.retry_payout"
    GENERATED: ClassVar[frozenset[str]] = frozenset({"stripe_account_id"})
    payout_id: str
    user_id: str
    currency: str
    stripe_account_id: str


class WithholdPayout(Command, frozen=True, kw_only=True):
    """A run found something available, and that it cannot be paid."""

    NAME: ClassVar[str] = "earnings.withhold_payout"
    user_id: str
    currency: str
    reason: str
    detail: str = ""


class RecordTransfer(Command, frozen=True, kw_only=True):
    """Stripe made it."""

    NAME: ClassVar[str] = "earnings.record_transfer"
    payout_id: str
    attempt: int
    user_id: str
    currency: str
    amount_minor: int
    stripe_account_id: str
    transfer_id: str
    balance_transaction: BalanceTransaction


class RecordTransferUnknown(Command, frozen=True, kw_only=True):
    NAME: ClassVar[str] = "earnings.record_transfer_unknown"
    payout_id: str
    attempt: int
    user_id: str
    currency: str
    cause: str


class RecordTransferRefusal(Command, frozen=True, kw_only=True):
    """Stripe did not make it, and will not under this key."""

    NAME: ClassVar[str] = "earnings.record_transfer_refusal"
    payout_id: str
    attempt: int
    user_id: str
    currency: str
    code: str


class RequestRecall(Command, frozen=True, kw_only=True):
    """Of what the instructor owes back, as far as transfers can be reversed."""

    NAME: ClassVar[str] = "earnings.request_recall"
    user_id: str
    currency: str


class RecordReversal(Command, frozen=True, kw_only=True):
    """Stripe reversed a transfer, in part or whole. Its command's id is made of the reversal's."""

    NAME: ClassVar[str] = "earnings.record_reversal"
    user_id: str
    currency: str
    payout_id: str
    transfer_id: str
    reversal_id: str
    recall_id: str = ""
    amount_minor: int
    balance_transaction: BalanceTransaction


class RecordRecallUnknown(Command, frozen=True, kw_only=True):
    NAME: ClassVar[str] = "earnings.record_recall_unknown"
    recall_id: str
    user_id: str
    currency: str
    cause: str


class RecordRecallRefusal(Command, frozen=True, kw_only=True):
    NAME: ClassVar[str] = "earnings.record_recall_refusal"
    recall_id: str
    user_id: str
    currency: str
    code: str


PayoutCommand = (
    RequestPayout
    | RetryPayout
    | WithholdPayout
    | RecordTransfer
    | RecordTransferUnknown
    | RecordTransferRefusal
)
RecallCommand = RequestRecall | RecordReversal | RecordRecallUnknown | RecordRecallRefusal
EarningsCommand = AccrueEarnings | PayoutCommand | RecallCommand
