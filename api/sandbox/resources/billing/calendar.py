"""Billing periods: from an anchor, in steps of a price's interval.

Months keep the anchor's day and time of day, or take the last day of a shorter month: 31 January,
28 February, 31 March. https://docs.stripe.com/billing/subscriptions/billing-cycle
"""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, datetime
from functools import lru_cache

from api.sandbox.clock import DAY_S
from ledger import money

_SECONDS = {"day": DAY_S, "week": 7 * DAY_S}
_MONTHS = {"month": 1, "year": 12}
_MONTHS_PER_YEAR = 12


@lru_cache(maxsize=4096)
def add(anchor: int, steps: int, interval: str, count: int) -> int:
    """`anchor` and `steps` intervals of `count` days, weeks, months or years; all in Unix seconds."""
    if interval in _SECONDS:
        return anchor + steps * count * _SECONDS[interval]
    start = datetime.fromtimestamp(anchor, UTC)
    years, month = divmod(start.month - 1 + steps * count * _MONTHS[interval], _MONTHS_PER_YEAR)
    year = start.year + years
    day = min(start.day, monthrange(year, month + 1)[1])
    return int(start.replace(year=year, month=month + 1, day=day).timestamp())


def boundaries(anchor: int, moment: int, interval: str, count: int) -> tuple[int, int]:
    """Start and end of the period that `moment` is in; a boundary belongs to the period that it begins."""
    average = add(0, 1, interval, count)
    steps = (moment - anchor) // average
    while add(anchor, steps, interval, count) > moment:
        steps -= 1
    while (end := add(anchor, steps + 1, interval, count)) <= moment:
        steps += 1
    return add(anchor, steps, interval, count), end


def share(amount: int, remaining: int, whole: int, currency: str) -> int:
    """`amount` for `remaining` of `whole` seconds, half rounded up: of a minor unit, or of the step in which
    a currency is charged (the sandbox's choice, as Stripe documents no rounding of these).
    """
    return money.round_to_step(amount * remaining, whole, currency)


def day(moment: int) -> str:
    """As lines of invoices name it: 05 Feb 2026."""
    return datetime.fromtimestamp(moment, UTC).strftime("%d %b %Y")
