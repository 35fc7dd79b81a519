"""The days of the books, which are those of UTC, and what can be asked of them.

What is earned over time is told in one sum a day, dated as the day closes. A span that begins or ends within
a day, such as a month of Berlin, would have the sums of other days than its own, so that it is refused: an
exact answer for another zone is not in the books.
"""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Literal

from api.http.problems import FieldError, Unprocessable

ZONE: Literal["UTC"] = "UTC"
_DAY = timedelta(days=1)
_INSTANT = timedelta(microseconds=1)


def check_span(since: datetime | None, until: datetime | None, hint: str = "") -> None:
    """Raises `Unprocessable` unless days of the books begin at both. `hint` ends the sentence with what else
    can be asked.
    """
    given = {"from": since, "to": until}
    _raise_for({name: day_fault(at) for name, at in given.items() if at is not None}, hint)


def check_close(at: datetime | None, hint: str = "") -> None:
    """Raises `Unprocessable` unless a day of the books ends at `at`, or just after it."""
    if at is not None:
        _raise_for({"at": close_fault(at)}, hint)


def _raise_for(faults: dict[str, str], hint: str) -> None:
    if errors := [
        FieldError(detail=f"{fault}{hint}", parameter=name) for name, fault in faults.items() if fault
    ]:
        raise Unprocessable.at(*errors)


def day_fault(at: datetime) -> str:
    """Why no day of the books begins at `at`, and which moments to ask for instead; empty when one does."""
    begin, end = _day_of(at)
    return "" if at == begin else _said(at, begin, _moved(end, _INSTANT))


def close_fault(at: datetime) -> str:
    """The same of where a day ends, which is its last microsecond; where the next begins is taken for it."""
    begin, end = _day_of(at)
    return "" if at in (begin, end) else _said(at, _moved(begin, -_INSTANT), end)


def _day_of(at: datetime) -> tuple[datetime, datetime]:
    """Its first instant and its last."""
    begin = datetime.combine(at.astimezone(UTC).date(), time(), UTC)
    return begin, begin + (_DAY - _INSTANT)


def _moved(at: datetime, by: timedelta) -> datetime | None:
    """None for what no calendar has."""
    try:
        return at + by
    except OverflowError:
        return None


def _said(at: datetime, *instead: datetime | None) -> str:
    ask = " or ".join(_written(one) for one in instead if one is not None)
    return (
        f"is {_written(at)}, within a day of the books: their days are of {ZONE}, and what was earned is "
        f"told as they close. Ask for {ask}"
    )


def _written(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
