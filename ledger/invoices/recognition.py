"""Revenue over time: straight line by the second, told in steps that always add up. Pure.

IFRS 15.B18 and 39-45: access over a period is earned evenly over it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta

from ledger.money import round_half_up

_SECOND = timedelta(seconds=1)


def end_of(day: date) -> datetime:
    """The midnight (UTC) that closes `day`."""
    return datetime.combine(day + timedelta(days=1), time(), UTC)


def earned(amount_minor: int, period_start: datetime, period_end: datetime, at: datetime) -> int:
    """How much of `amount_minor` is earned by `at`; signed: a line that gives back earns below zero.

    A period without length is earned at its start.
    """
    length = (period_end - period_start) // _SECOND
    if at >= period_end:
        return amount_minor
    if length <= 0 or at <= period_start:
        return 0
    return round_half_up(amount_minor * ((at - period_start) // _SECOND), length)


def apportion(amounts: Sequence[int], part_minor: int) -> tuple[int, ...]:
    """`part_minor` over signed `amounts` in proportion: each share is the step of a rounded running sum, so
    they add up to the part, and all of the sum yields the amounts themselves.

    The amounts' sum must be positive. For a part of at most that sum no share exceeds its amount.
    """
    total = sum(amounts)
    if total <= 0:
        raise ValueError(f"amounts that add up to {total} cannot be apportioned")
    shares: list[int] = []
    running = given = 0
    for amount in amounts:
        running += amount
        share = round_half_up(running * part_minor, total) - given
        given += share
        shares.append(share)
    return tuple(shares)
