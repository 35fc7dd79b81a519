"""When connected accounts are paid out by themselves. https://docs.stripe.com/connect/manage-payout-schedule"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, UnsetType

from api.sandbox.clock import DAY_S, midnight_after
from api.sandbox.errors import Object, invalid

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday")


class Schedule(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    interval: Literal["manual", "daily", "weekly", "monthly"] | UnsetType = UNSET
    delay_days: int | Literal["minimum"] | UnsetType = UNSET
    weekly_anchor: Literal["monday", "tuesday", "wednesday", "thursday", "friday"] | UnsetType = UNSET
    monthly_anchor: Annotated[int, msgspec.Meta(ge=1, le=31)] | UnsetType = UNSET


DEFAULT: Object = {"delay_days": 2, "interval": "daily"}


def changed(current: Object, sent: Schedule) -> Object:
    """The schedule as `settings.payouts` shows it. Raises StripeError without the anchor that it needs."""
    interval = current["interval"] if isinstance(sent.interval, UnsetType) else sent.interval
    delay = sent.delay_days if isinstance(sent.delay_days, int) else current["delay_days"]
    schedule: Object = {"delay_days": delay, "interval": interval}
    for name, anchor in (("weekly", sent.weekly_anchor), ("monthly", sent.monthly_anchor)):
        field = f"{name}_anchor"
        if interval != name:
            if not isinstance(anchor, UnsetType):
                raise _anchor(f"{field} goes with the interval {name}, and this is {interval}.", field)
            continue
        chosen = current.get(field) if isinstance(anchor, UnsetType) else anchor
        if chosen is None:
            raise _anchor(f"The interval {name} needs {field}.", field)
        schedule |= {field: chosen, f"{name}_payout_days": [chosen]}
    return schedule


def _anchor(message: str, field: str) -> Exception:
    return invalid(message, param=f"settings[payouts][schedule][{field}]")


def next_payout(schedule: Object, moment: int) -> int | None:
    """The first midnight UTC of the schedule that is not before `moment`, None for manual payouts."""
    midnight = midnight_after(moment - 1, 1)
    match schedule["interval"]:
        case "daily":
            return midnight
        case "weekly":
            return _first(midnight, lambda day: day.weekday() == _DAYS.index(schedule["weekly_anchor"]))
        case "monthly":
            return _first(midnight, lambda day: _is_day_of_month(day, schedule["monthly_anchor"]))
    return None


def _first(midnight: int, falls_on: Callable[[datetime], bool]) -> int:
    while not falls_on(datetime.fromtimestamp(midnight, UTC)):
        midnight += DAY_S
    return midnight


def _is_day_of_month(day: datetime, anchor: int) -> bool:
    """The last day stands for those that a month has not got."""
    is_last = (day + timedelta(days=1)).month != day.month
    return day.day == anchor or (is_last and day.day < anchor)
