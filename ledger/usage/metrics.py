"""How each metric is counted, and in which months."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from ledger.licence_tiers import METRICS

COUNTERS = frozenset({"api_calls", "courses_created"})
"""Each unit is one more, from nothing each month."""
DISTINCT = frozenset({"active_users"})
"""Each user is one, once a month."""
LEVELS = frozenset({"storage"})
"""As much as there is: each source says how much it has, and a month begins with it."""
LATE = timedelta(days=3)
"""So long after a month what was used in it is still taken."""


def month_of(moment: datetime) -> str:
    """The calendar month, UTC, such as `2026-03`."""
    return f"{moment.astimezone(UTC):%Y-%m}"


def open_months(now: datetime) -> tuple[str, ...]:
    """The present one, and the one before it for a while."""
    return tuple(dict.fromkeys((month_of(now), month_of(now - LATE))))


def span_of(month: str) -> tuple[datetime, datetime]:
    """From its first moment on, and before that of the next. Raises `ValueError` for what is no month."""
    first = datetime.strptime(month, "%Y-%m").replace(tzinfo=UTC)
    following = (first + timedelta(days=31)).replace(day=1)
    return first, following


def day_in(month: str, moment: datetime) -> datetime:
    """`moment`, or the last one of the month for what is said after it."""
    _, end = span_of(month)
    return min(moment.astimezone(UTC), end - timedelta(microseconds=1))


assert set(METRICS) == COUNTERS | DISTINCT | LEVELS
