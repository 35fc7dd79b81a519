"""The row of what disputes hold of one payment's earnings, and what of it the days have."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

from ledger.earnings.events import EarningsHeld
from ledger.message import Recorded
from projections.engine.tables import Row, Table


class EarningsHoldRow(Row):
    hold_id: str
    held_minor: int
    """As the days have it; never below zero."""
    waiting: dict[str, Any]
    """By the day on which it happened, changes that no day has: of an end that was heard of before its
    beginning, until then nothing is more available than it was.
    """

    @property
    def is_over(self) -> bool:
        return not self.held_minor and not self.waiting


EARNINGS_HOLDS = Table("earnings_holds", EarningsHoldRow, ("hold_id",))


def id_of(recorded: Recorded, event: EarningsHeld) -> str:
    return f"{recorded.stream}:{event.payment_id}"


def change(row: EarningsHoldRow, happened_on: date, change_minor: int) -> Iterator[tuple[date, int]]:
    """What the days have of it by now: by which day, how much more is held. While something waits, nothing is
    held.
    """
    day = str(happened_on)
    if row.waiting:
        waiting = {**row.waiting, day: row.waiting.get(day, 0) + change_minor}
        if (held := sum(waiting.values())) < 0:
            row.waiting = waiting
            return
        row.held_minor, row.waiting = held, {}
        yield from ((date.fromisoformat(on), amount) for on, amount in waiting.items())
        return
    now = max(change_minor, -row.held_minor)
    row.held_minor += now
    if rest := change_minor - now:
        row.waiting = {day: rest}
    if now:
        yield happened_on, now
