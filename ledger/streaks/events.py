"""Facts about one user's streak. Dates are those of the user's zone at that time; the zone is personal."""

from __future__ import annotations

from datetime import date
from typing import ClassVar

from ledger.message import Event, Instant


class DateCredited(Event, frozen=True, kw_only=True):
    """The user was active on that date: the streak is so many days long."""

    TYPE: ClassVar[str] = "streaks.date_credited.v1"
    user_id: str
    local_date: date
    first_date: date
    """Of the streak, and its name: a bonus belongs to one streak."""
    days: int
    longest: int
    """Of all streaks so far, in days."""
    at: Instant
    milestone: int = 0
    """`days`, where so many earn a bonus."""


class DateHeld(Event, frozen=True, kw_only=True):
    """Active on that date, which is one too many in 24 hours across a change of zone: it breaks nothing, and
    counts for nothing unless there is activity on it once more when they are over.
    """

    TYPE: ClassVar[str] = "streaks.date_held.v1"
    user_id: str
    local_date: date
    at: Instant


class TimeZoneChanged(Event, frozen=True, kw_only=True):
    """From then on dates are those of another zone; nothing that was credited changes."""

    TYPE: ClassVar[str] = "streaks.time_zone_changed.v1"
    user_id: str
    at: Instant


StreakEvent = DateCredited | DateHeld | TimeZoneChanged
