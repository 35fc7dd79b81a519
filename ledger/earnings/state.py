"""What is remembered of an instructor's earnings: a sum for each day, so that a sale more costs nothing more.

Days that are long past are one sum, and a dispute that is over is forgotten. `evolve` never fails.
"""

from __future__ import annotations

from datetime import date
from typing import assert_never

from msgspec import Struct
from msgspec.structs import replace

from ledger.earnings.balances import Balances, Day, balances
from ledger.earnings.events import EarningsAccrued, EarningsEvent, EarningsHeld
from ledger.earnings.terms import HOLD
from ledger.persistent import PersistentMap

_KEPT_DAYS = 2 * HOLD.days
"""How long before the newest day of availability days stand alone. What is older was available a month before
the newest was sold, so that no clock that is ahead makes anything available early."""


class Earnings(Struct, frozen=True):
    past: Day = Day(date.min, 0, 0)
    """All days up to that one, each of which is available for long."""
    days: tuple[Day, ...] = ()
    """Those after it, in their order: as many as `_KEPT_DAYS` at most."""
    holds: PersistentMap[int] = PersistentMap()
    """What disputes hold, by payment; of open ones alone. Below zero for one whose end was heard of first."""

    def on(self, day: date) -> Balances:
        """As of that UTC day, which is not among those that are long past."""
        return balances((self.past, *self.days), day)


def evolve(earnings: Earnings, event: EarningsEvent) -> Earnings:
    match event:
        case EarningsAccrued():
            return _added(earnings, Day(event.available_on, event.amount_minor, 0))
        case EarningsHeld():
            return _held(earnings, event)
        case _:
            assert_never(event)


def _held(earnings: Earnings, event: EarningsHeld) -> Earnings:
    """News may come in any order, and until all are there nothing is more available than it was."""
    before = earnings.holds.get(event.payment_id, 0)
    after = before + event.change_minor
    holds = earnings.holds
    holds = holds.put(event.payment_id, after) if after else holds.without(event.payment_id)
    change = max(after, 0) - max(before, 0)
    return replace(_added(earnings, Day(event.available_on, 0, change)), holds=holds)


def _added(earnings: Earnings, more: Day) -> Earnings:
    """To the sum of its day; what is long past by it is summed up."""
    past, by_day = earnings.past, {day.available_on: day for day in earnings.days}
    if more.available_on <= past.available_on:
        return replace(earnings, past=_sum(past, more, past.available_on))
    known = by_day.get(more.available_on)
    by_day[more.available_on] = _sum(known, more, more.available_on) if known else more
    days = tuple(by_day[on] for on in sorted(by_day))
    until = days[-1].available_on.toordinal() - _KEPT_DAYS
    while days[0].available_on.toordinal() <= until:
        past, days = _sum(past, days[0], days[0].available_on), days[1:]
    return replace(earnings, past=past, days=days)


def _sum(one: Day, other: Day, on: date) -> Day:
    return Day(on, one.amount_minor + other.amount_minor, one.held_minor + other.held_minor)
