"""What an instructor's days come to: one pure function for the rules, the API and reports."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from msgspec import Struct


class Day(Struct, frozen=True, gc=False):
    """All that becomes available on one UTC day."""

    available_on: date
    amount_minor: int
    """Earned less taken back; what is held is in it."""
    held_minor: int


class Balances(Struct, frozen=True, kw_only=True):
    """`available + pending + held + reserved - debt` is what is owed: all that was earned less all that was
    taken back, less what was transferred and not recalled.
    """

    available_minor: int
    pending_minor: int
    """What time alone will make available."""
    held_minor: int
    """By disputes; neither available nor pending."""
    reserved_minor: int = 0
    """By a payout that is on its way; not available any more."""
    debt_minor: int
    """Paid out and then taken back or held, and not covered by what is available: netted from what becomes
    so.
    """

    @property
    def owed_minor(self) -> int:
        kept = self.available_minor + self.pending_minor + self.held_minor + self.reserved_minor
        return kept - self.debt_minor


class Out(Struct, frozen=True):
    """What of it is not here any more. It is of no day, so that what is put back keeps its date."""

    reserved_minor: int = 0
    transferred_minor: int = 0
    """Less what was recalled."""


NOTHING_OUT = Out()


def balances(days: Iterable[Day], on: date, out: Out = NOTHING_OUT) -> Balances:
    """As of the UTC day `on`."""
    mature, pending, held = -out.reserved_minor - out.transferred_minor, 0, 0
    for day in days:
        free = day.amount_minor - day.held_minor
        held += day.held_minor
        if day.available_on <= on:
            mature += free
        else:
            pending += free
    if pending < 0:  # more is taken back than was heard of as earned: it is payable no more, whatever its day
        mature, pending = mature + pending, 0
    return Balances(
        available_minor=max(mature, 0),
        pending_minor=pending,
        held_minor=held,
        reserved_minor=out.reserved_minor,
        debt_minor=max(-mature, 0),
    )
