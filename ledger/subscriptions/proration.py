"""What a change in the middle of a period costs, and where periods end. Pure, to the second, in UTC.

A preview is our estimate, for a user to see before deciding; the books only ever take Stripe's lines.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import msgspec

from ledger.money import round_to_step

_SECOND = timedelta(seconds=1)
_MONTHS = {"month": 1, "year": 12}
_MONTHS_A_YEAR = 12


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """What an upgrade at `proration_at` charges now: what the new plan costs less what is unused."""

    proration_at: datetime
    unused_minor: int
    """Of the present plan, for the rest of the period, as far as it is still paid."""
    used_anew_minor: int
    """Of the new plan, for the same rest; for a whole interval of its own when the interval changes."""
    charge_minor: int
    given_back_minor: int = 0
    """By so much the unused time is worth less than by its price, as money went back before."""
    period_start: datetime
    period_end: datetime
    """Of the period that follows: the present one, or a new one from `proration_at`."""


def seg(
    price_minor: int, at: datetime, period_start: datetime, period_end: datetime, currency: str = ""
) -> int:
    """The part of a period's price that falls after `at`: from all of it at the start to 0 at the end. In
    whole steps of the currency, as it is charged; without one to the minor unit.
    """
    length = (period_end - period_start) // _SECOND
    if length <= 0:
        return 0
    remaining = min(max((period_end - at) // _SECOND, 0), length)
    return round_to_step(price_minor * remaining, length, currency)


def preview(  # noqa: PLR0913 - two prices, a period, a moment
    *,
    price_minor: int,
    interval: str,
    new_price_minor: int,
    new_interval: str,
    period_start: datetime,
    period_end: datetime,
    at: datetime,
    currency: str,
    worth: Callable[[int], int] = lambda by_price_minor: by_price_minor,
) -> Preview:
    """`worth` says of the unused time by its price what is still paid of it.

    With the same interval the period stays; with another one a new period begins, as at Stripe.

    https://docs.stripe.com/billing/subscriptions/prorations
    """
    by_price = seg(price_minor, at, period_start, period_end, currency)
    unused = worth(by_price)
    if interval == new_interval:
        anew = seg(new_price_minor, at, period_start, period_end, currency)
    else:
        anew, period_start, period_end = new_price_minor, at, boundary(at, new_interval, 1)
    return Preview(
        proration_at=at,
        unused_minor=unused,
        used_anew_minor=anew,
        charge_minor=anew - unused,
        given_back_minor=by_price - unused,
        period_start=period_start,
        period_end=period_end,
    )


def boundary(anchor_at: datetime, interval: str, count: int) -> datetime:
    """Where the `count`-th period after the anchor ends: on the anchor's day, or the last of a shorter month.

    Always counted from the anchor, so that 31 January goes on to 28 February and then to 31 March.
    """
    anchor = anchor_at.astimezone(UTC)
    year, month = divmod(anchor.year * _MONTHS_A_YEAR + anchor.month - 1 + count * _MONTHS[interval], 12)
    day = min(anchor.day, monthrange(year, month + 1)[1])
    return anchor.replace(year=year, month=month + 1, day=day)


def boundaries(anchor_at: datetime, interval: str, after: datetime, before: datetime) -> list[datetime]:
    """Every end of a period strictly between two instants, oldest first."""
    months = (after.year - anchor_at.year) * _MONTHS_A_YEAR + after.month - anchor_at.month
    count = months // _MONTHS[interval] - 1
    found: list[datetime] = []
    while (end := boundary(anchor_at, interval, count)) < before:
        if end > after:
            found.append(end)
        count += 1
    return found
