"""What can be asked of an instructor's earnings. It comes from the ledger itself, and is never refused."""

from __future__ import annotations

from datetime import date
from typing import ClassVar

from ledger.earnings.terms import Kind, Reckoning
from ledger.message import Command


class AccrueEarnings(Command, frozen=True, kw_only=True):
    """What one fact about a sale changes for one of its instructors.

    All of it is added, so that deliveries end alike in any order.
    """

    NAME: ClassVar[str] = "earnings.accrue"
    user_id: str
    currency: str
    """Of settlement: in it the instructor is owed."""
    kind: Kind
    amount_minor: int
    """Below zero for what is taken back; 0 where only what is held changes."""
    held_change_minor: int = 0
    available_on: date
    """The day of the sale's, whatever the fact: what comes back keeps its date."""
    course_id: str
    payment_id: str = ""
    """Empty for a course that the platform gave for nothing."""
    cause_position: int
    """Of the fact that says so, which is its entry's in the books."""
    reckoning: Reckoning


EarningsCommand = AccrueEarnings
