"""Days that a caller names, as moments of the books."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

_LAST_INSTANT = timedelta(microseconds=1)


def within(day: date, now: datetime) -> datetime:
    """In the books it is dated within its day (UTC): at its end, or now where it is today's. A day that is
    yet to come is the rules' to refuse.
    """
    if day >= now.astimezone(UTC).date():
        return now
    return datetime.combine(day + timedelta(days=1), time(), UTC) - _LAST_INSTANT
