"""The row of a payout to an instructor: how its last attempt stands, and what was transferred by it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from ledger.earnings.events import (
    PayoutBlocked,
    PayoutOutcomeUnknown,
    PayoutReserved,
    PayoutTransferred,
    TransferReversed,
)
from ledger.earnings.state import ON_ITS_WAY, PayoutStatus, day_of
from ledger.message import Recorded
from projections.engine.tables import Row, Table


class InstructorPayoutRow(Row):
    payout_id: str
    user_id: str
    currency: str
    amount_minor: int
    """Of the last attempt."""
    status: PayoutStatus
    """Of the last attempt."""
    code: str
    """Why it was refused or is unknown: Stripe's, or ours; empty otherwise."""
    attempt: int
    """Its number."""
    stripe_account_id: str
    transfer_id: str
    """Of the newest transfer; empty while there is none."""
    transferred_minor: int
    """By all attempts: one that was taken for refused may have been made."""
    recalled_minor: int
    """Of that, by reversals."""
    refused: dict[str, Any]
    """By the number of an attempt, the days on which it was reserved and refused."""
    reserved_at: datetime | None
    """By the last attempt. None for a transfer that a restored ledger did not know of."""
    transferred_at: datetime | None
    """Of the newest transfer."""
    position: int
    last_position: int

    def is_that(self, event: PayoutOutcomeUnknown | PayoutBlocked | PayoutTransferred) -> bool:
        """Whether the attempt that it is of is the last one, and on its way."""
        return event.attempt == self.attempt and self.status in ON_ITS_WAY


INSTRUCTOR_PAYOUTS = Table("instructor_payouts", InstructorPayoutRow, ("payout_id",))


def begin(recorded: Recorded, event: PayoutReserved | PayoutTransferred) -> InstructorPayoutRow:
    """Reserved by it; or made without having been known of, which `transferred` adds."""
    return InstructorPayoutRow(
        payout_id=event.payout_id,
        user_id=event.user_id,
        currency=event.currency,
        amount_minor=event.amount_minor,
        status="reserved",
        code="",
        attempt=event.attempt,
        stripe_account_id=event.stripe_account_id,
        transfer_id="",
        transferred_minor=0,
        recalled_minor=0,
        refused={},
        reserved_at=event.reserved_at if isinstance(event, PayoutReserved) else None,
        transferred_at=None,
        position=recorded.position,
        last_position=recorded.position,
    )


def reserve_again(row: InstructorPayoutRow, event: PayoutReserved) -> None:
    row.amount_minor, row.attempt = event.amount_minor, event.attempt
    row.status, row.code = "reserved", ""
    row.stripe_account_id, row.reserved_at = event.stripe_account_id, event.reserved_at


def lose_sight(row: InstructorPayoutRow, event: PayoutOutcomeUnknown) -> None:
    row.status, row.code = "unknown", event.cause


def refuse(row: InstructorPayoutRow, event: PayoutBlocked, on: date) -> None:
    row.status, row.code = "blocked", event.code
    row.refused = {**row.refused, str(event.attempt): [str(reserved_on(row, on)), str(on)]}


def reserved_on(row: InstructorPayoutRow, otherwise: date) -> date:
    """The UTC day, of the last attempt."""
    return otherwise if row.reserved_at is None else day_of(row.reserved_at)


def was_refused(row: InstructorPayoutRow, attempt: int) -> tuple[date, date] | None:
    """The days on which it was reserved and refused."""
    days = row.refused.get(str(attempt))
    return (date.fromisoformat(days[0]), date.fromisoformat(days[1])) if days else None


def transfer(row: InstructorPayoutRow, recorded: Recorded, event: PayoutTransferred) -> None:
    """An attempt before the last does not end that one."""
    row.transfer_id, row.transferred_at = event.transfer_id, recorded.metadata.effective_at
    row.transferred_minor += event.amount_minor
    if event.attempt >= row.attempt:
        row.status, row.code = "transferred", ""


def take_back(row: InstructorPayoutRow, event: TransferReversed) -> None:
    row.recalled_minor += event.amount_minor
