"""What can be asked of one platform payout."""

from __future__ import annotations

from typing import ClassVar, Literal

from ledger.balance import BalanceTransaction
from ledger.message import Command, Instant


class RecordPayoutSnapshot(Command, frozen=True, kw_only=True):
    """What Stripe says of a payout now."""

    NAME: ClassVar[str] = "payouts.record_snapshot"
    payout_id: str
    amount_minor: int
    currency: str
    automatic: bool
    status: Literal["pending", "in_transit", "paid", "failed", "canceled"]
    arrival_at: Instant
    balance_transaction: BalanceTransaction
    failure_balance_transaction: BalanceTransaction | None = None
    failure_code: str = ""


PayoutCommand = RecordPayoutSnapshot
