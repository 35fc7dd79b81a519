"""Times that came from outside, as points in time: in UTC, whatever zone they were written with.

A time near the first or the last year of the calendar may have none there, and PostgreSQL takes no offset of
16 hours and more: so nothing goes on with a zone of its own.
"""

from __future__ import annotations

from datetime import UTC, datetime

EARLIEST, LATEST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
_LAST_SECOND = int(LATEST.replace(microsecond=0).timestamp())
"""Since 1970. Of the last microsecond a float makes the year 10000."""


def in_utc(moment: datetime) -> datetime:
    """The same point in time. Raises `OverflowError` for one before the year 1 or after 9999."""
    return moment.astimezone(UTC)


def clamped(moment: datetime) -> datetime:
    """In UTC; what lies outside of the calendar is its first or last moment. For facts that are there."""
    try:
        return in_utc(moment)
    except OverflowError:
        return EARLIEST if moment < LATEST.replace(year=LATEST.year // 2) else LATEST


def from_unix(seconds: int) -> datetime:
    """Of seconds since 1970, clamped: Stripe's times are integers of any size."""
    return datetime.fromtimestamp(min(max(seconds, 0), _LAST_SECOND), UTC)
