"""The row of a movement: what one fact changed of an instructor's earnings."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import msgspec

from ledger.earnings.events import EarningsAccrued, EarningsHeld, PayoutTransferred, TransferReversed
from ledger.message import Recorded
from projections.engine.tables import Row, Table

PAYOUT, PAYOUT_REVERSED = "payout", "payout_reversed"
"""The kinds of what is paid, which takes from what is owed, and of what comes back of it."""


class EarningsMovementRow(Row):
    position: int
    user_id: str
    currency: str
    kind: str
    """As the fact says; `held`, which changes nothing of what is owed; `payout` or `payout_reversed`."""
    amount_minor: int
    held_change_minor: int
    available_on: date | None
    """None for payouts, which are of all that is available."""
    course_id: str
    """Empty for payouts."""
    payment_id: str
    cause_position: int
    """Of the payment's or the enrolment's fact, which is the entry's in the books; a payout's own."""
    effective_at: datetime
    reckoning: dict[str, Any] | None
    """How it was counted; None where only what is held changes, and for payouts."""
    payout_id: str
    recovery: str
    """As the fact says: how what it takes of what was paid out comes in again."""


EARNINGS_MOVEMENTS = Table("earnings_movements", EarningsMovementRow, ("position",))


def accrued(recorded: Recorded, event: EarningsAccrued) -> tuple[object, ...]:
    reckoning = msgspec.to_builtins(event.reckoning)
    return _of_sale(recorded, event, event.kind, event.amount_minor, 0, reckoning, event.recovery)


def held(recorded: Recorded, event: EarningsHeld) -> tuple[object, ...]:
    return _of_sale(recorded, event, "held", 0, event.change_minor, None, "")


def _of_sale(
    recorded: Recorded,
    event: EarningsAccrued | EarningsHeld,
    kind: str,
    amount_minor: int,
    held_change_minor: int,
    reckoning: dict[str, Any] | None,
    recovery: str,
) -> tuple[object, ...]:
    return (
        recorded.position,
        event.user_id,
        event.currency,
        kind,
        amount_minor,
        held_change_minor,
        event.available_on,
        event.course_id,
        event.payment_id,
        event.cause_position,
        recorded.metadata.effective_at,
        reckoning,
        "",
        recovery,
    )


def paid(
    recorded: Recorded, event: PayoutTransferred | TransferReversed, kind: str, amount_minor: int
) -> tuple[object, ...]:
    return (
        recorded.position,
        event.user_id,
        event.currency,
        kind,
        amount_minor,
        0,
        None,
        "",
        "",
        recorded.position,
        recorded.metadata.effective_at,
        None,
        event.payout_id,
        "",
    )
