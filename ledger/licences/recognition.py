"""What of an invoice is earned when: evenly to the second, told in steps that add up. Pure.

When what is left to earn changes, it is spread anew from that moment to the end of the period.
"""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from ledger.invoices.recognition import earned
from ledger.message import Instant


class Deferral(Struct, frozen=True):
    """`amount_minor` is earned evenly from `since` to `until`, `recognised_minor` of it is told already."""

    since: Instant
    until: Instant
    amount_minor: int
    recognised_minor: int = 0

    @property
    def left_minor(self) -> int:
        """Its part of account 2000."""
        return self.amount_minor - self.recognised_minor

    def due(self, at: datetime) -> int:
        """What is earned by `at` and not told."""
        if not self.left_minor:
            return 0
        return earned(self.amount_minor, self.since, self.until, at) - self.recognised_minor

    def told(self, amount_minor: int) -> Deferral:
        return replace(self, recognised_minor=self.recognised_minor + amount_minor)

    def changed(self, by_minor: int, at: datetime) -> Deferral:
        """With more or less left to earn, from `at` on. What is due by then is told before."""
        return Deferral(max(at, self.since), self.until, self.left_minor + by_minor)
