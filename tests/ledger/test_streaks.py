"""Streaks: dates in a row by the learner's own clock, wherever it goes, and whatever clocks do there."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import reduce
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from ledger.effects import NoteActivity as NoteActivityEffect
from ledger.enrolments.learning.events import ProgressReported
from ledger.errors import Refused
from ledger.policies import react
from ledger.streaks.calendar import day_after, ends_at, exists, local_date, zone_of
from ledger.streaks.commands import ChangeTimeZone, NoteActivity, StreakCommand
from ledger.streaks.decider import decide
from ledger.streaks.events import DateCredited, DateHeld, StreakEvent, TimeZoneChanged
from ledger.streaks.refusals import TimeZoneChangedLately
from ledger.streaks.state import Streak, evolve, standing
from tests.ledger.examples import NOON, recorded

ANN = "usr_ann"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MILESTONES = (7, 30, 100)


def active(at: datetime | str, zone: str = "UTC") -> NoteActivity:
    """At a point in time, or when the clocks there say so."""
    moment = datetime.fromisoformat(at).replace(tzinfo=ZoneInfo(zone)) if isinstance(at, str) else at
    return NoteActivity(
        command_id=f"cmd_{moment.isoformat()}",
        effective_at=moment.astimezone(UTC),
        user_id=ANN,
        time_zone=zone,
        milestones=MILESTONES,
    )


def moved(at: datetime | str, zone: str = "UTC", *, erased: bool = False) -> ChangeTimeZone:
    """The change of zone; `zone` is where the clock is read that says `at`."""
    moment = datetime.fromisoformat(at).replace(tzinfo=ZoneInfo(zone)) if isinstance(at, str) else at
    return ChangeTimeZone(
        command_id=f"cmd_zone_{moment.isoformat()}",
        effective_at=moment.astimezone(UTC),
        user_id=ANN,
        erased=erased,
    )


def when(streak: Streak, *commands: StreakCommand) -> tuple[Streak, tuple[StreakEvent, ...]]:
    facts: list[StreakEvent] = []
    for command in commands:
        events = decide(command, streak)
        streak = reduce(evolve, events, streak)
        facts += events
    return streak, tuple(facts)


def after(*commands: StreakCommand) -> Streak:
    return when(Streak(), *commands)[0]


def dates(facts: tuple[StreakEvent, ...]) -> list[str]:
    return [fact.local_date.isoformat() for fact in facts if isinstance(fact, DateCredited)]


# ------------------------------------------------------------------------------------------------- dates


def test_days_in_a_row_are_dates_and_never_durations() -> None:
    """Case 1: Berlin as the clocks go back. It is 02:30 twice that night."""
    first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    night = (
        active("2026-10-24T23:30", "Europe/Berlin"),
        active(first, "Europe/Berlin"),
        active(first + HOUR, "Europe/Berlin"),
    )
    streak, facts = when(Streak(), *night)
    assert (streak.days, dates(facts)) == (2, ["2026-10-24", "2026-10-25"])


def test_an_hour_that_does_not_exist_breaks_nothing() -> None:
    """Cairo has no 00:30 on 24 April 2026."""
    cairo = "Africa/Cairo"
    streak = after(*(active(f"2026-04-{day}T12:00", cairo) for day in (23, 24, 25)))
    assert streak.days == 3
    zone = ZoneInfo(cairo)
    assert exists(date(2026, 4, 24), zone)
    assert ends_at(date(2026, 4, 23), zone) == datetime(2026, 4, 23, 22, tzinfo=UTC)
    assert local_date(ends_at(date(2026, 4, 23), zone), zone) == date(2026, 4, 24)


def test_a_date_that_does_not_exist_breaks_nothing() -> None:
    """Apia has no 30 December 2011."""
    apia = ZoneInfo("Pacific/Apia")
    assert [exists(date(2011, 12, day), apia) for day in (29, 30, 31)] == [True, False, True]
    assert day_after(date(2011, 12, 29), apia) == date(2011, 12, 31)
    assert ends_at(date(2011, 12, 29), apia) == datetime(2011, 12, 30, 10, tzinfo=UTC)
    streak = after(active("2011-12-29T12:00", apia.key), active("2011-12-31T12:00", apia.key))
    assert streak.days == 2


def test_one_function_says_what_today_is() -> None:
    """Case 4: Kiritimati is 14 hours ahead."""
    at, zone = datetime(2026, 3, 1, 10, tzinfo=UTC), "Pacific/Kiritimati"
    streak, facts = when(Streak(), active(at, zone))
    assert dates(facts) == ["2026-03-02"]
    assert standing(streak, at, zone_of(zone)).today == date(2026, 3, 2)


def test_a_zone_that_is_not_known_any_more_is_utc_and_the_ends_of_time_have_dates() -> None:
    assert zone_of("Mars/Olympus") == ZoneInfo("UTC")
    apia = ZoneInfo("Pacific/Apia")
    last = datetime.max.replace(tzinfo=UTC)
    assert local_date(last, apia) == date.max == day_after(date.max, apia)
    assert ends_at(date.max, apia) == last


def test_a_date_that_counts_already_or_is_before_one_that_does_changes_nothing() -> None:
    """Two devices on one date, and news that comes late."""
    streak = after(active(NOON), active(NOON + DAY))
    for late in (NOON + DAY + HOUR, NOON, NOON - DAY):
        assert when(streak, active(late))[1] == ()


def test_a_gap_begins_anew_and_the_longest_is_kept() -> None:
    streak = after(*(active(NOON + day * DAY) for day in (0, 1, 2, 4)))
    assert (streak.days, streak.longest, streak.first) == (1, 3, NOON.date() + 4 * DAY)


def test_a_bonus_belongs_to_one_streak() -> None:
    """Case 5."""
    days = (*range(7), *range(10, 18))
    _, facts = when(Streak(), *(active(NOON + day * DAY) for day in days))
    reached = [
        (one.milestone, one.first_date) for one in facts if isinstance(one, DateCredited) and one.milestone
    ]
    assert reached == [(7, NOON.date()), (7, NOON.date() + 10 * DAY)]


# ------------------------------------------------------------------------------------------------ travel


def test_the_same_date_again_further_west_counts_once() -> None:
    """Case 2."""
    streak, facts = when(
        Streak(),
        active("2026-06-01T23:30", "America/New_York"),
        moved("2026-06-01T23:40", "America/New_York"),
        active("2026-06-01T21:45", "America/Los_Angeles"),
        active("2026-06-02T09:00", "America/Los_Angeles"),
    )
    assert (streak.days, dates(facts)) == (2, ["2026-06-01", "2026-06-02"])


def test_a_date_that_is_skipped_across_the_date_line_breaks_nothing() -> None:
    """From Honolulu, late on the first, to Kiritimati, a day ahead of it."""
    before = active("2026-06-01T23:30", "Pacific/Honolulu")
    change = moved("2026-06-01T23:40", "Pacific/Honolulu")
    skipping = active("2026-06-03T00:30", "Pacific/Kiritimati")
    assert skipping.effective_at - before.effective_at == HOUR
    streak, facts = when(Streak(), before, change, skipping)
    assert (streak.days, dates(facts)) == (2, ["2026-06-01", "2026-06-03"])


def test_a_gap_that_is_longer_than_a_day_is_one_wherever_it_is() -> None:
    first, change = "2026-06-01T23:30", moved("2026-06-01T23:40", "Pacific/Honolulu")
    flown = after(active(first, "Pacific/Honolulu"), change)
    in_time, late = "2026-06-03T23:30", "2026-06-03T23:31"
    assert when(flown, active(in_time, "Pacific/Kiritimati"))[0].days == 2, "24 hours to the minute"
    assert when(flown, active(late, "Pacific/Kiritimati"))[0].days == 1


def test_no_journey_credits_a_third_date_within_a_day() -> None:
    """Case 3."""
    journey = (
        active("2026-06-01T23:30", "Pacific/Honolulu"),
        active("2026-06-02T00:10", "Pacific/Honolulu"),
        moved("2026-06-02T00:20", "Pacific/Honolulu"),
        active("2026-06-03T00:30", "Pacific/Kiritimati"),
    )
    streak, facts = when(Streak(), *journey)
    assert dates(facts) == ["2026-06-01", "2026-06-02"]
    assert isinstance(facts[-1], DateHeld)
    assert when(streak, active("2026-06-03T01:30", "Pacific/Kiritimati"))[1] == (), "it is held once"
    again, facts = when(streak, active("2026-06-03T23:50", "Pacific/Kiritimati"))
    assert (again.days, dates(facts)) == (3, ["2026-06-03"]), "a day is over, and it counts after all"
    onward, _ = when(streak, active("2026-06-04T12:00", "Pacific/Kiritimati"))
    assert onward.days == 3, "and where it does not, it breaks nothing"


def test_a_day_of_23_hours_is_no_journey() -> None:
    """Berlin, 29 March: three dates begin within 23 hours and two minutes."""
    berlin = "Europe/Berlin"
    moments = ("2026-03-28T23:59", "2026-03-29T12:00", "2026-03-30T00:00")
    assert after(*(active(at, berlin) for at in moments)).days == 3


def test_the_zone_changes_once_a_day() -> None:
    streak = after(moved(NOON))
    with pytest.raises(TimeZoneChangedLately, match="from 2026-03-02T12:00:00Z on"):
        when(streak, moved(NOON + DAY - timedelta(seconds=1)))
    assert when(streak, moved(NOON + DAY))[1] == (TimeZoneChanged(user_id=ANN, at=NOON + DAY),)


def test_erasing_the_zone_is_never_refused_and_counts_as_a_change() -> None:
    streak = after(moved(NOON), moved(NOON + HOUR, erased=True))
    with pytest.raises(TimeZoneChangedLately):
        when(streak, moved(NOON + DAY))


def test_a_date_between_the_last_that_counts_and_one_that_is_held_breaks_nothing() -> None:
    """From Samoa to Kiritimati, where a date is held, and back as soon as may be."""
    samoa, line_islands = "Pacific/Pago_Pago", "Pacific/Kiritimati"
    streak, facts = when(
        Streak(),
        active("2026-06-01T23:30", samoa),
        active("2026-06-02T00:01", samoa),
        moved("2026-06-02T00:05", samoa),
        active("2026-06-04T00:05", line_islands),
        moved("2026-06-03T00:05", samoa),
        active("2026-06-03T00:10", samoa),
    )
    assert [one.local_date.day for one in facts if isinstance(one, DateHeld)] == [4]
    assert (streak.days, dates(facts)) == (3, ["2026-06-01", "2026-06-02", "2026-06-03"])


# ---------------------------------------------------------------------------------------------- standing


@pytest.mark.parametrize(
    ("after_h", "current", "counts", "kept_h"),
    [(0, 2, True, 36), (11, 2, True, 36), (12, 2, False, 36), (35, 2, False, 36), (36, 0, False, None)],
)
def test_a_streak_is_current_today_and_yesterday(
    after_h: int,
    current: int,
    counts: bool,  # noqa: FBT001
    kept_h: int | None,
) -> None:
    streak, last = after(active(NOON - DAY), active(NOON)), NOON
    found = standing(streak, last + after_h * HOUR, ZoneInfo("UTC"))
    assert (found.current, found.today_counts, found.longest) == (current, counts, 2)
    assert found.kept_until == (None if kept_h is None else last + kept_h * HOUR)
    assert found.today_ends_at == ends_at(found.today, ZoneInfo("UTC"))


def test_a_date_that_travel_skipped_is_made_up_for_within_24_hours_and_not_until_midnight() -> None:
    """From Samoa, in the morning, to Kiritimati, where it is the day after tomorrow."""
    morning = active("2026-06-01T09:00", "Pacific/Pago_Pago")
    streak = after(morning, moved("2026-06-01T09:10", "Pacific/Pago_Pago"))
    line_islands = ZoneInfo("Pacific/Kiritimati")
    there = datetime(2026, 6, 3, 0, 30, tzinfo=line_islands)
    assert standing(streak, there, line_islands).kept_until == morning.effective_at + DAY


def test_there_is_no_streak_before_anything_was_learnt() -> None:
    found = standing(Streak(), NOON, ZoneInfo("UTC"))
    assert (found.current, found.longest, found.today_counts, found.kept_until) == (0, 0, False, None)


def test_progress_is_activity_at_the_time_of_its_report() -> None:
    learnt = ProgressReported(enrolment_id="enr_1", revision=1, before_bp=0, after_bp=100)
    effects = react(recorded(learnt, stream="enrolment-crs_1-usr_ann"))
    assert NoteActivityEffect(ANN, NOON) in effects


# ------------------------------------------------------------------------------------- the plainest model

ZONES = (
    "UTC",
    "Europe/Berlin",
    "Africa/Cairo",
    "Pacific/Apia",
    "Pacific/Kiritimati",
    "Pacific/Honolulu",
    "Pacific/Pago_Pago",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "America/Havana",
    "America/Sao_Paulo",
    "Asia/Kathmandu",
    "Asia/Tehran",
)
BEGINS = st.sampled_from(
    [
        datetime(2011, 12, 27, tzinfo=UTC),
        datetime(2026, 4, 21, tzinfo=UTC),
        datetime(2026, 10, 22, tzinfo=UTC),
        datetime(2018, 11, 1, tzinfo=UTC),
    ]
)
MOVES = st.lists(st.tuples(st.integers(0, 40), st.sampled_from([None, *ZONES])), max_size=14)


def dates_between(first: datetime, last: datetime, zone: str) -> set[date]:
    """All that a clock there showed, looked at each quarter of an hour."""
    quarters = int((last - first) / timedelta(minutes=15)) + 1
    moments = (first + number * timedelta(minutes=15) for number in range(quarters))
    return {moment.astimezone(ZoneInfo(zone)).date() for moment in moments}


def plain_streak(activities: list[tuple[datetime, str]], changes: list[datetime]) -> list[tuple[date, int]]:
    """Each date that counts, with the length of its streak: by a look at all that was, and no state."""
    credited: list[tuple[date, datetime, int]] = []
    seen: list[date] = []
    for at, zone in activities:
        today = at.astimezone(ZoneInfo(zone)).date()
        if credited and today <= credited[-1][0]:
            continue
        lately = [when_ for _, when_, _ in credited if at - when_ < DAY]
        if len(lately) >= 2 and any(at - DAY < change <= at for change in changes):
            seen.append(today)
            continue
        days = 1
        if credited:
            last, last_at, length = credited[-1]
            newest = max([last, *(one for one in seen if one > last)])
            shown = dates_between(at - 8 * DAY, at + DAY, zone)
            missed = today - newest > 4 * DAY or any(newest < one < today for one in shown)
            flown = at - last_at <= DAY and any(last_at <= change <= at for change in changes)
            days = length + 1 if not missed or flown else 1
        credited.append((today, at, days))
    return [(day, days) for day, _, days in credited]


def _check_that_it_is_kept_as_long_as_is_said(streak: Streak, at: datetime, zone: str) -> None:
    """What is done a second before belongs to it; a second later it is another."""
    kept_until = standing(streak, at, ZoneInfo(zone)).kept_until
    if kept_until is None:
        assert when(streak, active(at, zone))[0].days in {0, 1}
        return
    in_time, _ = when(streak, active(kept_until - timedelta(seconds=1), zone))
    assert in_time.first == streak.first
    too_late = when(streak, active(kept_until + timedelta(seconds=1), zone))[1]
    assert [one.days for one in too_late if isinstance(one, DateCredited)] == [1]


@for_all(BEGINS, MOVES)
def test_a_streak_is_what_the_plainest_model_says(
    begin: datetime, moves: list[tuple[int, str | None]]
) -> None:
    """Over zones that skip midnight or a whole day, and over travel: `None` is activity, a zone a journey."""
    at, zone, streak = begin, "UTC", Streak()
    activities, changes, counted = list[tuple[datetime, str]](), list[datetime](), list[Any]()
    for hours, to in moves:
        at += hours * HOUR + timedelta(minutes=7)
        _check_that_it_is_kept_as_long_as_is_said(streak, at, zone)
        if to is None:
            activities.append((at, zone))
            streak, facts = when(streak, active(at, zone))
            counted += ((one.local_date, one.days) for one in facts if isinstance(one, DateCredited))
            continue
        try:
            streak, _ = when(streak, moved(at))
        except Refused:
            continue
        zone = to
        changes.append(at)
    assert counted == plain_streak(activities, changes)
    moments = sorted(streak.credited_at)
    assert moments == list(streak.credited_at)
