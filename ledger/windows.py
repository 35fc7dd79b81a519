"""The windows of time that scores are counted in: day, ISO week, month and all time, in UTC."""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Literal, get_args

from msgspec import Struct

WindowKind = Literal["day", "week", "month", "all"]

SETTLING = timedelta(minutes=10)
"""So long after its end a window is published: what happened at its last moment is recorded by then."""


class Window(Struct, frozen=True):
    """One of them, such as the week 2026-W48."""

    kind: WindowKind
    name: str
    """`2026-11-29`, `2026-W48`, `2026-11` or `all`: no two have the same."""
    starts_at: datetime | None
    """None where it has no beginning."""
    ends_at: datetime | None
    """It is no part of the window. None where it has no end."""

    @property
    def published_at(self) -> datetime | None:
        """What is recorded from then on changes nothing of what is shown."""
        return None if self.ends_at is None else self.ends_at + SETTLING


ALL_TIME = Window("all", "all", None, None)


def window_at(kind: WindowKind, day: date) -> Window:
    """That in which a day (UTC) lies."""
    match kind:
        case "day":
            return _window(kind, day.isoformat(), day, 1)
        case "week":
            year, week, weekday = day.isocalendar()
            return _window(kind, f"{year:04}-W{week:02}", day - timedelta(days=weekday - 1), 7)
        case "month":
            _, days = monthrange(day.year, day.month)
            return _window(kind, day.isoformat()[:7], day.replace(day=1), days)
        case "all":
            return ALL_TIME


def windows_at(at: datetime) -> tuple[Window, ...]:
    """All those in which a moment lies, one of each kind."""
    return windows_on(at.astimezone(UTC).date())


@lru_cache(maxsize=4096)
def windows_on(day: date) -> tuple[Window, ...]:
    return tuple(window_at(kind, day) for kind in get_args(WindowKind))


def _window(kind: WindowKind, name: str, first: date, days: int) -> Window:
    """The last that the calendar has does not end."""
    beyond = first.toordinal() + days
    ends_at = None if beyond > date.max.toordinal() else _midnight(date.fromordinal(beyond))
    return Window(kind, name, _midnight(first), ends_at)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
