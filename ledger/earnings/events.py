"""Facts about what one instructor earns in one currency."""

from __future__ import annotations

from datetime import date
from typing import ClassVar

from ledger.earnings.terms import Reckoning
from ledger.message import Event


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


EarningsEvent = EarningsAccrued | EarningsHeld
