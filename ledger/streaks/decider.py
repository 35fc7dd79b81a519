"""The rules of a user's streak: dates in a row, by the user's own clock, on which something was learnt."""

from __future__ import annotations

from datetime import datetime
from typing import assert_never, get_args

from ledger.message import Decider
from ledger.streaks.calendar import local_date, zone_of
from ledger.streaks.commands import ChangeTimeZone, NoteActivity, StreakCommand
from ledger.streaks.events import DateCredited, DateHeld, StreakEvent, TimeZoneChanged
from ledger.streaks.refusals import TimeZoneChangedLately
from ledger.streaks.state import ONE_DAY, Streak, evolve
from ledger.streaks.stream import stream_of

DATES_IN_A_DAY = 2
"""So many are credited within 24 hours across a change of zone."""


def decide(command: StreakCommand, streak: Streak) -> tuple[StreakEvent, ...]:
    match command:
        case NoteActivity():
            return _note(command, streak)
        case ChangeTimeZone():
            return _change_zone(command, streak)
        case _:
            assert_never(command)


def _note(command: NoteActivity, streak: Streak) -> tuple[StreakEvent, ...]:
    """A date that is credited, or is before one, changes nothing; nor does activity that is heard of late."""
    at, zone = command.effective_at, zone_of(command.time_zone)
    day = local_date(at, zone)
    if streak.last is not None and day <= streak.last:
        return ()
    if streak.credited_at and at < streak.credited_at[-1]:
        return ()
    if _is_too_many(streak, at):
        return () if day == streak.held else (DateHeld(user_id=command.user_id, local_date=day, at=at),)
    goes_on = streak.continues(day, at, zone)
    days = streak.days + 1 if goes_on else 1
    credited = DateCredited(
        user_id=command.user_id,
        local_date=day,
        first_date=streak.first if goes_on and streak.first else day,
        days=days,
        longest=max(days, streak.longest),
        at=at,
        milestone=days if days in command.milestones else 0,
    )
    return (credited,)


def _is_too_many(streak: Streak, at: datetime) -> bool:
    changed, credited = streak.zone_changed_at, streak.credited_at
    if changed is None or at - changed >= ONE_DAY or len(credited) < DATES_IN_A_DAY:
        return False
    return at - credited[0] < ONE_DAY


def _change_zone(command: ChangeTimeZone, streak: Streak) -> tuple[StreakEvent, ...]:
    at, changed = command.effective_at, streak.zone_changed_at
    if changed is not None and at - changed < ONE_DAY and not command.erased:
        raise TimeZoneChangedLately(
            "The time zone can be changed once in 24 hours; again from "
            f"{changed + ONE_DAY:%Y-%m-%dT%H:%M:%SZ} on."
        )
    return (TimeZoneChanged(user_id=command.user_id, at=at),)


def stream(command: StreakCommand) -> str:
    return stream_of(command.user_id)


STREAKS: Decider[StreakCommand, Streak, StreakEvent] = Decider(
    stream=stream,
    decide=decide,
    evolve=evolve,
    initial=Streak(),
    commands=get_args(StreakCommand),
    events=get_args(StreakEvent),
)
