"""What can be asked of one movement of Stripe's balance that no fact of ours has posted."""

from __future__ import annotations

from typing import ClassVar

from ledger.balance import BalanceTransaction
from ledger.message import Command


class RecordMovement(Command, frozen=True, kw_only=True):
    """Its `command_id` is `unclaimed:<balance transaction's id>`, whoever finds it: webhook or sweep."""

    NAME: ClassVar[str] = "unclaimed.record"
    GENERATED: ClassVar[frozenset[str]] = frozenset({"description"})
    balance_transaction: BalanceTransaction
    kind: str
    """Stripe's `type`."""
    reporting_category: str
    balance_type: str
    source_id: str = ""
    description: str = ""
    """Stripe's own words, never a merchant's: those can name people."""


class RecordMovementFundsAvailable(Command, frozen=True, kw_only=True):
    NAME: ClassVar[str] = "unclaimed.record_funds_available"
    balance_transaction_id: str


class ExplainMovement(Command, frozen=True, kw_only=True):
    """What it was, as finance says: out of 1090 into `account`. Explained before, it is explained anew."""

    NAME: ClassVar[str] = "unclaimed.explain"
    balance_transaction_id: str
    account: str
    note: str = ""
    """Required; it was not at first, and what was asked then stays as it is."""


class WithdrawExplanation(Command, frozen=True, kw_only=True):
    NAME: ClassVar[str] = "unclaimed.withdraw_explanation"
    balance_transaction_id: str


class ClaimMovement(Command, frozen=True, kw_only=True):
    """A fact of ours posts the same balance transaction after all, so that this entry must go.
    `claimed_by` is that fact's stream.
    """

    NAME: ClassVar[str] = "unclaimed.claim"
    balance_transaction_id: str
    claimed_by: str


UnclaimedCommand = (
    RecordMovement | RecordMovementFundsAvailable | ExplainMovement | WithdrawExplanation | ClaimMovement
)
