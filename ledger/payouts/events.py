"""Facts about payouts from Stripe's balance to the platform's bank account."""

from __future__ import annotations

from typing import ClassVar

from ledger.balance import BalanceTransaction
from ledger.message import Event, Instant


class PayoutInitiated(Event, frozen=True, kw_only=True):
    """Stripe's available balance went down (a negative balance transaction)."""

    TYPE: ClassVar[str] = "payouts.initiated.v1"
    payout_id: str
    amount_minor: int
    currency: str
    automatic: bool
    arrival_at: Instant
    balance_transaction: BalanceTransaction


class PayoutPaid(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "payouts.paid.v1"
    payout_id: str
    amount_minor: int
    currency: str


class PayoutFailed(Event, frozen=True, kw_only=True):
    """Also canceled ones, and ones that had been paid (`was_paid`): the money is back at Stripe."""

    TYPE: ClassVar[str] = "payouts.failed.v1"
    payout_id: str
    was_paid: bool
    balance_transaction: BalanceTransaction
    reason: str = ""


PayoutEvent = PayoutInitiated | PayoutPaid | PayoutFailed
