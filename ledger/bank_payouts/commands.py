"""What can be asked of one payout of a connected account."""

from __future__ import annotations

from typing import ClassVar, Literal

from ledger.message import Command, Instant


class RecordBankPayoutSnapshot(Command, frozen=True, kw_only=True):
    """What Stripe says of it now."""

    NAME: ClassVar[str] = "bank_payouts.record_snapshot"
    payout_id: str
    user_id: str
    account_id: str
    stripe_account_id: str
    amount_minor: int
    currency: str
    status: Literal["pending", "in_transit", "paid", "failed", "canceled"]
    sent_at: Instant
    arrival_at: Instant
    failure_code: str = ""


BankPayoutCommand = RecordBankPayoutSnapshot
