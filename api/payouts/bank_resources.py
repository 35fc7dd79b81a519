"""Payouts of connected accounts to their owners' banks, as answers show them."""

from __future__ import annotations

from datetime import datetime

import msgspec

from ledger.bank_payouts.failures import failure_of
from ledger.bank_payouts.state import Status
from projections.bank_payouts import BankPayoutRow


class Bounce(msgspec.Struct, frozen=True, kw_only=True):
    """`why` and `remedy` are sentences without their full stop; `failure_code` is Stripe's."""

    failure_code: str | None
    why: str
    remedy: str
    was_arrived: bool
    """It had seemed to arrive, when it was looked at."""


class BankPayout(msgspec.Struct, frozen=True, kw_only=True):
    """From a connected account at Stripe to its owner's bank, which only Stripe knows. `amount_minor` is
    below zero where Stripe takes from the bank what the account owes it.
    """

    payout_id: str
    """Stripe's."""
    user_id: str
    account_id: str
    stripe_account_id: str
    amount_minor: int
    currency: str
    status: Status
    status_at: datetime
    """Since when it has it."""
    sent_at: datetime
    arrival_at: datetime
    """When Stripe expects it at the bank, or expected it."""
    bounce: Bounce | None
    """Of one that is `bounced`: the money is back in the account at Stripe."""
    position: int


def bank_payout_of(row: BankPayoutRow) -> BankPayout:
    return BankPayout(
        payout_id=row.payout_id,
        user_id=row.user_id,
        account_id=row.account_id,
        stripe_account_id=row.stripe_account_id,
        amount_minor=row.amount_minor,
        currency=row.currency,
        status=row.status,
        status_at=row.status_at,
        sent_at=row.sent_at,
        arrival_at=row.arrival_at,
        bounce=_bounce(row) if row.status == "bounced" else None,
        position=row.position,
    )


def _bounce(row: BankPayoutRow) -> Bounce:
    failure = failure_of(row.failure_code, row.amount_minor)
    return Bounce(
        failure_code=row.failure_code or None,
        why=failure.why,
        remedy=failure.remedy,
        was_arrived=row.was_arrived,
    )
