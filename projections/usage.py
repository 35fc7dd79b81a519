"""What is used of licences: a row for each metric and month, and one for each of its days."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, ClassVar, get_args

from psycopg import Cursor

from ledger.message import Event, Recorded
from ledger.usage.events import (
    LevelMeasured,
    UsageAlerted,
    UsageCounted,
    UsageEvent,
    UsageLeased,
    UsageLeaseEnded,
    UsersCounted,
)
from ledger.usage.metrics import day_in
from projections.engine.buffers import Rows, TableBuffer
from projections.engine.projection import Projection
from projections.engine.tables import Row, Table


class UsageMonthRow(Row):
    usage_id: str
    licence_id: str
    org_id: str
    metric: str
    month: str
    used: int
    """Of a level, when it was measured last."""
    peak: int
    """Of a level; else as `used`."""
    beyond: int
    """What is above a soft limit."""
    most: int | None
    """The limit when something was counted last; None for none."""
    alerted_percent: int
    """Of the limit, the last that was said; 0 for none."""
    position: int


class UsageDayRow(Row):
    day_id: str
    usage_id: str
    day: date
    used: int
    """On that day; of a level, at its end."""


USAGE_MONTHS = Table("usage_months", UsageMonthRow, ("usage_id",))
USAGE_DAYS = Table("usage_days", UsageDayRow, ("day_id",))
_FACTS: frozenset[type[Event]] = frozenset(get_args(UsageEvent)) - {UsageLeased, UsageLeaseEnded}
"""What is set aside is not used."""


class Usage(Projection):
    NAME: ClassVar[str] = "usage"
    FACTS: ClassVar[frozenset[type[Event]] | None] = _FACTS

    def __init__(self) -> None:
        self._months = Rows(USAGE_MONTHS)
        self._days = Rows(USAGE_DAYS)

    @property
    def buffers(self) -> tuple[TableBuffer, ...]:
        return self._months, self._days

    def load(self, cursor: Cursor[Any], batch: Sequence[Recorded]) -> None:
        ours = [one for one in batch if type(one.event) in _FACTS]
        self._months.load(cursor, {_usage_id(one.event) for one in ours})
        self._days.load(cursor, {_day_id(one) for one in ours})

    def project(self, recorded: Recorded) -> None:
        event: Any = recorded.event
        usage_id = _usage_id(event)
        month = self._months.find(usage_id) or _begin(usage_id, event)
        month.position = recorded.position
        self._months.put(usage_id, month)
        if isinstance(event, UsageAlerted):
            month.alerted_percent = event.percent
            return
        month.used, month.most = event.used, event.limit
        day = self._days.find(_day_id(recorded)) or UsageDayRow(
            _day_id(recorded), usage_id, _day(recorded), 0
        )
        match event:
            case LevelMeasured():
                month.peak, month.beyond, day.used = event.peak, event.beyond, event.used
            case UsageCounted() | UsersCounted():
                more = event.quantity if isinstance(event, UsageCounted) else len(event.users)
                month.peak, month.beyond, day.used = event.used, month.beyond + event.beyond, day.used + more
        self._days.put(day.day_id, day)


def _begin(usage_id: str, event: Any) -> UsageMonthRow:
    return UsageMonthRow(
        usage_id=usage_id,
        licence_id=event.licence_id,
        org_id=event.org_id,
        metric=event.metric,
        month=event.month,
        used=0,
        peak=0,
        beyond=0,
        most=None,
        alerted_percent=0,
        position=0,
    )


def _usage_id(event: Any) -> str:
    return f"{event.licence_id}:{event.metric}:{event.month}"


def _day(recorded: Recorded) -> date:
    event: Any = recorded.event
    return day_in(event.month, recorded.metadata.effective_at).date()


def _day_id(recorded: Recorded) -> str:
    event: Any = recorded.event
    return f"{event.licence_id}:{event.metric}:{_day(recorded)}"
