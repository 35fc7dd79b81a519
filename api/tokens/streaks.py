"""A user's streak at a moment, as answers show it."""

from __future__ import annotations

from datetime import datetime

from api.tokens.resources import Streak
from ledger.streaks.calendar import zone_of
from ledger.streaks.state import Streak as Remembered
from ledger.streaks.state import standing


def streak_of(user_id: str, streak: Remembered, now: datetime, zone: str) -> Streak:
    """`zone` by its IANA name."""
    stands = standing(streak, now, zone_of(zone))
    return Streak(
        user_id=user_id,
        current=stands.current,
        longest=stands.longest,
        today=stands.today,
        today_counts=stands.today_counts,
        today_ends_at=stands.today_ends_at,
        kept_until=stands.kept_until,
        time_zone=zone,
    )
