"""What day it is for somebody: the one place that says so.

By dates, never by durations: a day in a zone can have 23 hours, or none at all.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ledger.instants import clamped

_DAY = timedelta(days=1)
_MOST_MISSING = 3
"""Dates in a row that a zone left out; each that ever did, left out one."""


@cache
def zone_of(name: str) -> ZoneInfo:
    """By its IANA name; one that is not known any more is UTC."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


def local_date(at: datetime, zone: ZoneInfo) -> date:
    """Of the clocks on the wall there."""
    try:
        return at.astimezone(zone).date()
    except OverflowError:
        return clamped(at).date()


def exists(day: date, zone: ZoneInfo) -> bool:
    """Whether there was such a date: Apia had no 30 December 2011."""
    noon = datetime.combine(day, time(12), zone)
    return local_date(noon.astimezone(UTC), zone) == day


def day_after(day: date, zone: ZoneInfo) -> date:
    """The next that exists."""
    for _ in range(_MOST_MISSING):
        if day == date.max:
            return day
        day += _DAY
        if exists(day, zone):
            break
    return day


def ends_at(day: date, zone: ZoneInfo) -> datetime:
    """The moment (UTC) at which the next date begins, also where clocks skip its midnight."""
    if day == date.max:
        return clamped(datetime.max.replace(tzinfo=UTC))
    return datetime.combine(day + _DAY, time(), zone).astimezone(UTC)
