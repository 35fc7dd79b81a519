"""What is remembered of an instructor's earnings: a sum for each day, so that a sale more costs nothing more.

Days that are long past are one sum, and what is over is forgotten: disputes, recalls, payouts before the last
one. `evolve` never fails.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Literal, Protocol, assert_never

from msgspec import Struct
from msgspec.structs import replace

from ledger.earnings.balances import Balances, Day, Out, balances
from ledger.earnings.events import (
    EarningsAccrued,
    EarningsEvent,
    EarningsHeld,
    PayoutBlocked,
    PayoutOutcomeUnknown,
    PayoutReserved,
    PayoutTransferred,
    PayoutWithheld,
    RecallOutcomeUnknown,
    RecallRefused,
    RecallRequested,
    TransferReversed,
)
from ledger.earnings.terms import HOLD
from ledger.persistent import PersistentMap

_KEPT_DAYS = 2 * HOLD.days
"""How long before the newest day of availability days stand alone. What is older was available a month before
the newest was sold, so that no clock that is ahead makes anything available early."""
KEPT_TRANSFERS = 50
"""How many of the newest can be recalled: of daily ones, seven weeks."""

PayoutStatus = Literal["reserved", "unknown", "transferred", "blocked"]
ON_ITS_WAY: frozenset[PayoutStatus] = frozenset({"reserved", "unknown"})
RecallStatus = Literal["requested", "unknown"]


class OfPayout(Protocol):
    """What is said of one attempt at a payout."""

    @property
    def payout_id(self) -> str: ...
    @property
    def attempt(self) -> int: ...


class Payout(Struct, frozen=True, kw_only=True):
    """The last one that was asked for."""

    payout_id: str
    attempt: int
    amount_minor: int
    stripe_account_id: str
    reserved_at: datetime
    status: PayoutStatus = "reserved"

    @property
    def is_on_its_way(self) -> bool:
        return self.status in ON_ITS_WAY

    def is_that(self, of: OfPayout) -> bool:
        return (of.payout_id, of.attempt) == (self.payout_id, self.attempt)


class Transfer(Struct, frozen=True, gc=False):
    payout_id: str
    transfer_id: str
    left_minor: int
    """Not reversed, nor asked to be."""


class Recall(Struct, frozen=True, kw_only=True):
    """One that Stripe did not answer yet."""

    payout_id: str
    transfer_id: str
    amount_minor: int
    requested_at: datetime
    status: RecallStatus = "requested"


class Earnings(Struct, frozen=True):
    past: Day = Day(date.min, 0, 0)
    """All days up to that one, each of which is available for long."""
    days: tuple[Day, ...] = ()
    """Those after it, in their order: as many as `_KEPT_DAYS` at most."""
    holds: PersistentMap[int] = PersistentMap()
    """What disputes hold, by payment; of open ones alone. Below zero for one whose end was heard of first."""
    transferred_minor: int = 0
    """Less what was recalled."""
    receivable_minor: int = 0
    """Of what is owed, that which the books have in 1210, as it is below zero."""
    payout: Payout | None = None
    transfers: tuple[Transfer, ...] = ()
    """The newest `KEPT_TRANSFERS`, oldest first."""
    recalls: PersistentMap[Recall] = PersistentMap()
    """Those without an answer, by their ids."""
    withheld: str = ""
    """Why the last run paid nothing of what was available."""
    withheld_detail: str = ""

    def on(self, day: date) -> Balances:
        """As of that UTC day, which is not among those that are long past."""
        return balances((self.past, *self.days), day, Out(self.reserved_minor, self.transferred_minor))

    @property
    def reserved_minor(self) -> int:
        return self.payout.amount_minor if self.payout is not None and self.payout.is_on_its_way else 0

    def has_made(self, payout_id: str) -> bool:
        """Whether Stripe made a transfer of that payout, as far as the newest ones tell."""
        return any(one.payout_id == payout_id for one in self.transfers)

    @property
    def owed_minor(self) -> int:
        """All that was earned less all that was taken back, less what was paid: 2100 less 1210."""
        return self.past.amount_minor + sum(day.amount_minor for day in self.days) - self.transferred_minor


def day_of(at: datetime) -> date:
    return at.astimezone(UTC).date()


def evolve(earnings: Earnings, event: EarningsEvent) -> Earnings:  # noqa: C901, PLR0911 - one answer each
    match event:
        case EarningsAccrued():
            return _owing(_added(earnings, Day(event.available_on, event.amount_minor, 0)), event)
        case EarningsHeld():
            return _held(earnings, event)
        case PayoutReserved():
            return replace(earnings, payout=_reserved(event), withheld="", withheld_detail="")
        case PayoutOutcomeUnknown():
            return _became(earnings, event, "unknown")
        case PayoutBlocked():
            return _became(earnings, event, "blocked")
        case PayoutTransferred():
            return _owing(_transferred(earnings, event), event)
        case PayoutWithheld():
            return replace(earnings, withheld=event.reason, withheld_detail=event.detail)
        case RecallRequested():
            return _recalling(earnings, event)
        case RecallOutcomeUnknown():
            recall = earnings.recalls.get(event.recall_id)
            unknown = recall and earnings.recalls.put(event.recall_id, replace(recall, status="unknown"))
            return replace(earnings, recalls=unknown or earnings.recalls)
        case RecallRefused():
            return _left_again(earnings, event.recall_id)
        case TransferReversed():
            return _owing(_reversed(earnings, event), event)
        case _:
            assert_never(event)


def _owing(earnings: Earnings, event: EarningsAccrued | PayoutTransferred | TransferReversed) -> Earnings:
    if not event.receivable_change_minor:
        return earnings
    return replace(earnings, receivable_minor=earnings.receivable_minor + event.receivable_change_minor)


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


def _reserved(event: PayoutReserved) -> Payout:
    return Payout(
        payout_id=event.payout_id,
        attempt=event.attempt,
        amount_minor=event.amount_minor,
        stripe_account_id=event.stripe_account_id,
        reserved_at=event.reserved_at,
    )


def _became(
    earnings: Earnings, event: PayoutOutcomeUnknown | PayoutBlocked, status: PayoutStatus
) -> Earnings:
    payout = earnings.payout
    if payout is None or not payout.is_that(event) or not payout.is_on_its_way:
        return earnings
    return replace(earnings, payout=replace(payout, status=status))


def _transferred(earnings: Earnings, event: PayoutTransferred) -> Earnings:
    """One that nobody here knew of does not end the one that is on its way."""
    payout = earnings.payout
    if payout is not None and payout.is_that(event):
        payout = replace(payout, status="transferred")
    transfer = Transfer(event.payout_id, event.transfer_id, event.amount_minor)
    return replace(
        earnings,
        payout=payout,
        transferred_minor=earnings.transferred_minor + event.amount_minor,
        transfers=(*earnings.transfers, transfer)[-KEPT_TRANSFERS:],
    )


def _recalling(earnings: Earnings, event: RecallRequested) -> Earnings:
    recall = Recall(
        payout_id=event.payout_id,
        transfer_id=event.transfer_id,
        amount_minor=event.amount_minor,
        requested_at=event.requested_at,
    )
    recalling = replace(earnings, recalls=earnings.recalls.put(event.recall_id, recall))
    return _left_changed(recalling, event.transfer_id, -event.amount_minor)


def _left_again(earnings: Earnings, recall_id: str) -> Earnings:
    recall = earnings.recalls.get(recall_id)
    if recall is None:
        return earnings
    without = replace(earnings, recalls=earnings.recalls.without(recall_id))
    return _left_changed(without, recall.transfer_id, recall.amount_minor)


def _left_changed(earnings: Earnings, transfer_id: str, change_minor: int) -> Earnings:
    transfers = tuple(
        replace(one, left_minor=one.left_minor + change_minor) if one.transfer_id == transfer_id else one
        for one in earnings.transfers
    )
    return replace(earnings, transfers=transfers)


def _reversed(earnings: Earnings, event: TransferReversed) -> Earnings:
    answered = _left_again(earnings, event.recall_id)
    came_back = replace(answered, transferred_minor=earnings.transferred_minor - event.amount_minor)
    return _left_changed(came_back, event.transfer_id, -event.amount_minor)
