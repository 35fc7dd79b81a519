"""What instructors earn: sums by day and by day of availability, sums by course and month, each movement."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any, ClassVar, get_args

import msgspec

from ledger.earnings.events import EarningsAccrued, EarningsEvent, EarningsHeld
from ledger.message import Event, Recorded
from projections.engine.buffers import Log, Sums, TableBuffer
from projections.engine.projection import Projection
from projections.engine.tables import Row, Table


class EarningsDayRow(Row):
    user_id: str
    currency: str
    happened_on: date
    """In UTC, as the books have it."""
    available_on: date
    amount_minor: int
    held_minor: int
    """Of that amount, by disputes."""


class EarningsMonthRow(Row):
    user_id: str
    currency: str
    month: date
    """Its first day."""
    course_id: str
    kind: str
    amount_minor: int
    movements: int
    """How many there are."""


class EarningsMovementRow(Row):
    position: int
    user_id: str
    currency: str
    kind: str
    """As the fact says, or `held`, which changes nothing of what is owed."""
    amount_minor: int
    held_change_minor: int
    available_on: date
    course_id: str
    payment_id: str
    cause_position: int
    """Of the payment's or the enrolment's fact, which is the entry's in the books."""
    effective_at: datetime
    reckoning: dict[str, Any] | None
    """How it was counted; None where only what is held changes."""


EARNINGS_DAYS = Table("earnings_days", EarningsDayRow, ("user_id", "currency", "happened_on", "available_on"))
EARNINGS_MONTHS = Table(
    "earnings_months", EarningsMonthRow, ("user_id", "currency", "month", "course_id", "kind")
)
EARNINGS_MOVEMENTS = Table("earnings_movements", EarningsMovementRow, ("position",))


class Earnings(Projection):
    NAME: ClassVar[str] = "earnings"
    FACTS: ClassVar[frozenset[type[Event]] | None] = frozenset(get_args(EarningsEvent))

    def __init__(self) -> None:
        self._days = Sums(EARNINGS_DAYS)
        self._months = Sums(EARNINGS_MONTHS)
        self._movements = Log(EARNINGS_MOVEMENTS)

    @property
    def buffers(self) -> tuple[TableBuffer, ...]:
        return self._days, self._months, self._movements

    def project(self, recorded: Recorded) -> None:
        event = recorded.event
        assert isinstance(event, EarningsAccrued | EarningsHeld)
        happened_on = recorded.metadata.effective_at.astimezone(UTC).date()
        day = self._days.of((event.user_id, event.currency, happened_on, event.available_on))
        if isinstance(event, EarningsHeld):
            day[1] += event.change_minor
            self._movements.add(_movement(recorded, event, "held", held_change_minor=event.change_minor))
            return
        day[0] += event.amount_minor
        month = happened_on.replace(day=1)
        sums = self._months.of((event.user_id, event.currency, month, event.course_id, event.kind))
        sums[0] += event.amount_minor
        sums[1] += 1
        reckoning = msgspec.to_builtins(event.reckoning)
        self._movements.add(
            _movement(recorded, event, event.kind, amount_minor=event.amount_minor, reckoning=reckoning)
        )


def _movement(
    recorded: Recorded,
    event: EarningsAccrued | EarningsHeld,
    kind: str,
    *,
    amount_minor: int = 0,
    held_change_minor: int = 0,
    reckoning: dict[str, Any] | None = None,
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
    )
