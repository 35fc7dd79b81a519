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
        return day <= day_after(self._newest(self.last), zone) or self._skipped_by_travel(at)

    def over_at(self, zone: ZoneInfo) -> datetime | None:
        """When activity belongs to it no more, if there is none until then; None where there is no streak."""
        if self.last is None:
            return None
        by_date = ends_at(day_after(self._newest(self.last), zone), zone)
        return max(by_date, self.credited_at[-1] + ONE_DAY) if self._has_travelled else by_date

    def _newest(self, last: date) -> date:
        """On which there was activity. One between it and the last that is credited was missed by nobody."""
        return max(last, self.held or last)

    @property
    def _has_travelled(self) -> bool:
        """Since the last date was credited."""
        changed, credited = self.zone_changed_at, self.credited_at
        return changed is not None and bool(credited) and changed >= credited[-1]

    def _skipped_by_travel(self, at: datetime) -> bool:
        """Whether a gap is made by a change of zone alone, as less than 24 hours are over."""
        return self._has_travelled and at - self.credited_at[-1] <= ONE_DAY


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
    return Standing(
        today=today,
        today_ends_at=ends_at(today, zone),
        today_counts=counted,
        current=streak.days if alive else 0,
        longest=streak.longest,
        kept_until=streak.over_at(zone) if alive else None,
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
