"""Windows of scores: whole days, ISO weeks and months in UTC, and each moment in one of each."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from ledger.windows import SETTLING, window_at, windows_at, windows_on

SUNDAY_NIGHT = datetime(2026, 11, 29, 23, 59, 59, tzinfo=UTC)


def names(at: datetime) -> list[str]:
    return [window.name for window in windows_at(at)]


def test_a_week_ends_with_sunday_in_utc() -> None:
    assert names(SUNDAY_NIGHT) == ["2026-11-29", "2026-W48", "2026-11", "all"]
    assert names(SUNDAY_NIGHT + timedelta(seconds=1)) == ["2026-11-30", "2026-W49", "2026-11", "all"]


def test_the_first_of_january_may_belong_to_the_last_week_of_the_year_before() -> None:
    assert names(datetime(2027, 1, 1, tzinfo=UTC)) == ["2027-01-01", "2026-W53", "2027-01", "all"]
    assert names(datetime(2024, 12, 30, tzinfo=UTC)) == ["2024-12-30", "2025-W01", "2024-12", "all"]


def test_a_moment_is_where_utc_has_it() -> None:
    in_kiritimati = datetime(2026, 12, 1, 3, tzinfo=timezone(timedelta(hours=14)))
    assert names(in_kiritimati) == ["2026-11-30", "2026-W49", "2026-11", "all"]


@for_all(st.datetimes(timezones=st.just(UTC)))
def test_each_moment_lies_in_one_window_of_each_kind(at: datetime) -> None:
    for window in windows_at(at):
        assert window.starts_at is None or window.starts_at <= at
        assert window.ends_at is None or at < window.ends_at
        assert window_at(window.kind, at.date()) == window


@for_all(st.dates(max_value=date(9999, 11, 1)))
def test_windows_touch(day: date) -> None:
    for window in windows_on(day):
        if window.ends_at is not None:
            following = window_at(window.kind, window.ends_at.date())
            assert (following.starts_at, following.name > window.name) == (window.ends_at, True)


def test_every_weekday_has_a_week_and_seven_have_the_same() -> None:
    weeks = [window_at("week", date(2026, 11, 23) + timedelta(days=number)) for number in range(14)]
    assert [weeks.count(week) for week in weeks] == [7] * 14


@pytest.mark.parametrize("day", [date.min, date.max])
def test_the_calendars_ends_have_windows_too(day: date) -> None:
    assert len(windows_on(day)) == 4


def test_a_window_is_published_a_little_after_its_end() -> None:
    day = window_at("day", date(2026, 11, 29))
    assert day.published_at == datetime(2026, 11, 30, tzinfo=UTC) + SETTLING
    assert window_at("all", date(2026, 11, 29)).published_at is None
