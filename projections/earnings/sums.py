"""Sums of what instructors earn and are paid: by day, and by month."""

from __future__ import annotations

from datetime import date

from projections.engine.tables import Row, Table


class EarningsDayRow(Row):
    user_id: str
    currency: str
    happened_on: date
    """In UTC, as the books have it."""
    available_on: date
    """That day, too, for what is reserved and transferred, which is of none."""
    amount_minor: int
    held_minor: int
    """Of that amount, by disputes."""
    reserved_minor: int
    """By how much more payouts hold that are on their way; below zero for less."""
    transferred_minor: int
    """Less what was recalled."""


class EarningsMonthRow(Row):
    user_id: str
    currency: str
    month: date
    """Its first day."""
    course_id: str
    """Empty for payouts."""
    kind: str
    amount_minor: int
    movements: int
    """How many there are."""


EARNINGS_DAYS = Table("earnings_days", EarningsDayRow, ("user_id", "currency", "happened_on", "available_on"))
EARNINGS_MONTHS = Table(
    "earnings_months", EarningsMonthRow, ("user_id", "currency", "month", "course_id", "kind")
)
