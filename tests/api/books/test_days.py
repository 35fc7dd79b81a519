"""Months of any zone: of those that are not days of the books it is said so, and what is told is exact."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.books.days import close_fault, day_fault
from ledger.invoices.recognition import earned, end_of
from tests.api.support import Caller, Running

DAY = timedelta(days=1)
LAST = timedelta(microseconds=1)
ELSEWHERE = [
    "Europe/Berlin",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Pacific/Chatham",
    "Pacific/Kiritimati",
    "Pacific/Apia",
    "America/St_Johns",
    "Australia/Lord_Howe",
]
WITHIN = [
    ("/api/revenue/deferred", ("from", "to")),
    ("/api/ledger/entries", ("from", "to")),
    ("/api/ledger/trial-balance", ("at",)),
]


def months(zone: str) -> list[datetime]:
    """Where the months of a year begin, of which two have a change of clocks in most zones."""
    return [datetime(2027, month, 1, tzinfo=ZoneInfo(zone)) for month in range(1, 13)]


@pytest.mark.parametrize("zone", ELSEWHERE)
def test_a_month_of_another_zone_names_the_days_around_it(zone: str) -> None:
    for begins in months(zone):
        fault = day_fault(begins)
        before = begins.astimezone(UTC).replace(hour=0, minute=0)
        assert fault.endswith(f"Ask for {before:%Y-%m-%dT00:00:00Z} or {before + DAY:%Y-%m-%dT00:00:00Z}")


def test_a_day_of_utc_is_one_however_it_is_written_and_its_last_instant_too() -> None:
    midnight = datetime(2027, 7, 1, tzinfo=UTC)
    assert day_fault(midnight) == day_fault(midnight.astimezone(ZoneInfo("Europe/Berlin"))) == ""
    assert close_fault(midnight) == close_fault(midnight - LAST) == ""
    assert day_fault(midnight - LAST), "it would have what the day before earned, or not what this one did"
    assert [day_fault(one) == "" for one in months("Europe/London")] == [
        offset == timedelta(0) for offset in (one.utcoffset() for one in months("Europe/London"))
    ]
    assert close_fault(midnight - timedelta(seconds=1)), "what the day earned is dated after it"
    assert day_fault(datetime(9999, 12, 31, 12, tzinfo=UTC)).endswith("Ask for 9999-12-31T00:00:00Z")
    assert close_fault(datetime(1, 1, 1, 12, tzinfo=UTC)).endswith("Ask for 0001-01-01T23:59:59.999999Z")


@given(
    st.integers(0, 10**6),
    st.datetimes(datetime(2027, 1, 1), datetime(2027, 12, 31)),  # noqa: DTZ001 - made one of UTC
    st.integers(1, 366 * 86_400),
    st.integers(0, 400),
    st.integers(0, 100),
)
def test_between_days_of_the_books_what_is_told_is_what_is_earned_by_the_second(
    amount: int, begins: datetime, seconds: int, first: int, days: int
) -> None:
    start = begins.replace(microsecond=0, tzinfo=UTC)
    end = start + timedelta(seconds=seconds)
    since = datetime(2026, 12, 1, tzinfo=UTC) + first * DAY
    until = since + days * DAY
    assert not day_fault(since) + day_fault(until)
    told, before, day = 0, 0, start.date()
    while day <= end.date():
        now = earned(amount, start, end, end_of(day))
        if since <= end_of(day) - LAST < until:
            told += now - before
        before, day = now, day + DAY
    assert told == earned(amount, start, end, until) - earned(amount, start, end, since)


@pytest.mark.parametrize(("path", "names"), WITHIN)
async def test_what_lies_within_a_day_is_refused_with_what_to_ask_instead(
    admin: Caller, path: str, names: tuple[str, ...]
) -> None:
    july = {"from": "2027-07-01T00:00:00+02:00", "to": "2027-08-01T00:00:00+02:00"}
    july["at"] = july["to"]
    answer = await admin.get(path, params={name: july[name] for name in names})
    assert answer.status_code == 422
    errors = answer.json()["errors"]
    assert [error["parameter"] for error in errors] == list(names)
    asked = {
        "to": "Ask for 2027-07-31T00:00:00Z or 2027-08-01T00:00:00Z",
        "at": "Ask for 2027-07-30T23:59:59.999999Z or 2027-07-31T23:59:59.999999Z",
    }
    assert asked[names[-1]] in errors[-1]["detail"]
    midnights = {"from": "2027-07-01T02:00:00+02:00", "to": "2027-08-01T00:00:00Z"}
    midnights["at"] = midnights["to"]
    told = await admin.get(path, params={name: midnights[name] for name in names})
    assert told.status_code == 200
    assert told.json().get("zone", "UTC") == "UTC"


async def test_by_when_it_was_recorded_any_time_can_be_asked(admin: Caller, app: Running) -> None:
    for path, parameter in (("entries", "from"), ("trial-balance", "at")):
        asked = {parameter: "2027-07-01T00:00:00+02:00", "by": "recorded"}
        assert (await admin.get(f"/api/ledger/{path}", params=asked)).status_code == 200
    churn = await admin.get("/api/revenue/churn", params={"from": "2020-07-01T00:00:00+05:30"})
    assert churn.status_code == 200, "movements are dated to the second"
    assert (
        await admin.get("/api/revenue/mrr", params={"at": "2027-07-01T00:00:00+12:45"})
    ).status_code == 200
