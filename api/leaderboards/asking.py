"""What can be asked of any board: which window of time, from where on, and around whom."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated, Literal

from litestar.params import FromQuery, QueryParameter

from api.http.checks import Check
from api.http.paging import before_key
from api.http.problems import FieldError, Unprocessable
from api.http.promises import responses
from api.http.responses import NOT_MODIFIED_SPEC
from api.leaderboards.places import FIRST, Key, moment
from api.subscriptions.entitlements import FeatureMissing, FeatureProblem
from api.words import DAY
from ledger.windows import Window, WindowKind, window_at

TAGS = ["leaderboards"]


def _day_fault(text: str) -> str | None:
    try:
        date.fromisoformat(text)
    except ValueError:
        return "is no day of the calendar"
    return None


OnDay = Annotated[
    str | None,
    QueryParameter(
        name="on",
        pattern=DAY,
        description="A day (UTC) of the window, such as 2026-11-29; today's without it.",
    ),
    Check(_day_fault),
]
AroundMe = FromQuery[Literal["me"] | None]
REFUSED = responses(bodies={FeatureMissing: FeatureProblem}) | NOT_MODIFIED_SPEC


def window_of(kind: WindowKind, on: str | None, now: datetime) -> Window:
    """Raises `Unprocessable` for a day of all time, which would change nothing."""
    if on and kind == "all":
        fault = "cannot go with `window=all`, which has no days: leave one out"
        raise Unprocessable.at(FieldError(detail=fault, parameter="on"))
    return window_at(kind, date.fromisoformat(on) if on else now.astimezone(UTC).date())


def first_key(cursor: str | None, around_me: str | None, window: Window) -> Key:
    """Behind which the page begins. Raises `Unprocessable` for a cursor of another window."""
    if cursor and around_me:
        raise Unprocessable.at(
            FieldError(detail="cannot go with `around`: leave one out", parameter="cursor")
        )
    below, reached, user_id, name = before_key(cursor, (*FIRST, window.name))
    if name != window.name:
        fault = "is of another window: send it with the `window` and `on` that it came with"
        raise Unprocessable.at(FieldError(detail=fault, parameter="cursor"))
    key: Key = below, reached, user_id
    try:
        moment(key)
    except OverflowError:
        raise Unprocessable.at(
            FieldError(detail="is not a cursor of this list", parameter="cursor")
        ) from None
    return key
