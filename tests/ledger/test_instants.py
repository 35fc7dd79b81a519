"""Times from outside are points in time in UTC; of impossible ones in facts the nearest is shown."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ledger.instants import EARLIEST, LATEST, clamped, from_unix, in_utc

BEFORE = datetime.fromisoformat("0001-01-01T00:00:00+14:00")
AFTER = datetime.fromisoformat("9999-12-31T23:59:59.999999-14:00")


def test_a_time_of_any_zone_is_one_in_utc() -> None:
    for read in (in_utc, clamped):
        moment = read(datetime.fromisoformat("2026-03-01T00:30:00+15:59"))
        assert moment.isoformat() == "2026-02-28T08:31:00+00:00"
        assert moment.tzinfo is UTC


@pytest.mark.parametrize(("outside", "nearest"), [(BEFORE, EARLIEST), (AFTER, LATEST)])
def test_what_the_calendar_does_not_have_is_refused_or_the_nearest_moment(
    outside: datetime, nearest: datetime
) -> None:
    with pytest.raises(OverflowError):
        in_utc(outside)
    assert clamped(outside) == nearest
    assert clamped(nearest) == nearest


@pytest.mark.parametrize(
    ("seconds", "day"), [(-5, "1970-01-01"), (0, "1970-01-01"), (10**18, "9999-12-31"), (2**63, "9999-12-31")]
)
def test_seconds_of_any_size_are_a_time(seconds: int, day: str) -> None:
    assert from_unix(seconds).date().isoformat() == day
