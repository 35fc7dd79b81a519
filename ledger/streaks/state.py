"""What is remembered of a user's streak, and what it comes to at a moment. `evolve` never fails."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import assert_never
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import replace

from ledger.message import Instant
from ledger.streaks.calendar import day_after, ends_at, local_date
from ledger.streaks.events import DateCredited, DateHeld, StreakEvent, TimeZoneChanged

ONE_DAY = timedelta(hours=24)
"""Of real time, as far as changes of zone are concerned."""


class Streak(Struct, frozen=True):
    first: date | None = None
    """Of the newest streak; None before the first activity."""
    last: date | None = None
    """The newest that is credited."""
    held: date | None = None
    """A later one, on which there was activity and which is not credited."""
    days: int = 0
    longest: int = 0
    credited_at: tuple[Instant, ...] = ()
    """When the last two dates were credited."""
    zone_changed_at: Instant | None = None

    def continues(self, day: date, at: datetime, zone: ZoneInfo) -> bool:
        """Whether activity on `day`, which is none of those credited, belongs to this streak."""
        if self.last is None:
            return False
        newest = max(self.last, self.held or self.last)
        return day in {newest, day_after(newest, zone)} or self._skipped_by_travel(at)

    def _skipped_by_travel(self, at: datetime) -> bool:
        """Whether a gap is made by a change of zone alone, as less than 24 hours are over."""
        changed, credited = self.zone_changed_at, self.credited_at
        if changed is None or not credited:
            return False
        return changed >= credited[-1] and at - credited[-1] <= ONE_DAY


class Standing(Struct, frozen=True, kw_only=True):
    """A streak at a moment."""

    today: date
    today_ends_at: datetime
    today_counts: bool
    """There was activity that counts for it already."""
    current: int
    """In days; 0 when the last date is neither today nor yesterday."""
    longest: int
    kept_until: datetime | None
    """Without any activity the streak is over then; None when there is none."""


def standing(streak: Streak, at: datetime, zone: ZoneInfo) -> Standing:
    today = local_date(at, zone)
    counted = streak.last is not None and streak.last >= today
    alive = counted or streak.continues(today, at, zone)
    until = ends_at(day_after(streak.last, zone) if counted and streak.last else today, zone)
    return Standing(
        today=today,
        today_ends_at=ends_at(today, zone),
        today_counts=counted,
        current=streak.days if alive else 0,
        longest=streak.longest,
        kept_until=until if alive else None,
    )


def evolve(streak: Streak, event: StreakEvent) -> Streak:
    match event:
        case DateCredited():
            return replace(
                streak,
                first=event.first_date,
                last=event.local_date,
                held=None,
                days=event.days,
                longest=max(streak.longest, event.longest),
                credited_at=(*streak.credited_at[-1:], event.at),
            )
        case DateHeld():
            return replace(streak, held=event.local_date)
        case TimeZoneChanged():
            return replace(streak, zone_changed_at=event.at)
        case _:
            assert_never(event)
