"""What to do about an invoice that is not paid, and when. Pure: the clock is passed in."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

RETRIES = tuple(timedelta(days=days) for days in (2, 7, 14, 21))
"""After the first failure. Stripe's own retries are off: two schedules would charge a card twice as often."""
UNPAID_AFTER = timedelta(days=21)
CANCEL_AFTER = timedelta(days=51)

AUTHENTICATION_REQUIRED = "authentication_required"
"""The bank wants its cardholder to confirm: while they are there the same card works, and never without."""
HARD_DECLINES = frozenset(
    {
        AUTHENTICATION_REQUIRED,
        "incorrect_number",
        "lost_card",
        "pickup_card",
        "restricted_card",
        "revocation_of_all_authorizations",
        "revocation_of_authorization",
        "security_violation",
        "stolen_card",
        "stop_payment_order",
        "transaction_not_allowed",
    }
)
"""Codes after which only a new card helps, or its cardholder. https://docs.stripe.com/billing/revenue-recovery/smart-retries"""


class Retry(msgspec.Struct, frozen=True):
    """Charge again at `at`; at once when that is past."""

    at: datetime


class Wait(msgspec.Struct, frozen=True):
    """No attempt is made: only a new card helps."""


class Unpaid(msgspec.Struct, frozen=True):
    """The last retry is over: the subscription counts as unpaid."""


class Cancel(msgspec.Struct, frozen=True):
    """Long enough: the subscription ends."""


Step = Retry | Wait | Unpaid | Cancel


def dunning(
    schedule: Sequence[timedelta],
    *,
    failed_at: datetime,
    attempted_at: datetime,
    hard_decline: bool,
    card_changed_at: datetime | None,
    now: datetime,
) -> Step:
    """What comes next for an open invoice that failed first at `failed_at` and last at `attempted_at`.

    A retry that was missed is made once, however many offsets of the `schedule` went by with it. A card that
    is newer than the last attempt is tried at once, until the subscription is canceled.
    """
    if now >= failed_at + CANCEL_AFTER:
        return Cancel()
    if card_changed_at is not None and card_changed_at > attempted_at:
        return Retry(card_changed_at)
    if not hard_decline:
        due = next((failed_at + wait for wait in schedule if failed_at + wait > attempted_at), None)
        return Unpaid() if due is None else Retry(due)
    return Unpaid() if now >= failed_at + UNPAID_AFTER else Wait()
