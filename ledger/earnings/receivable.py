"""What an instructor owes the platform, which the books have apart from what it owes them."""

from __future__ import annotations

from typing import TypeVar

from msgspec.structs import replace

from ledger.earnings.events import EarningsAccrued, PayoutTransferred, TransferReversed
from ledger.earnings.state import Earnings, evolve

Moving = TypeVar("Moving", EarningsAccrued, PayoutTransferred, TransferReversed)


def reclassified(earnings: Earnings, event: Moving) -> Moving:
    """The fact, with what it makes of the receivable: as much as was paid out and is covered by nothing that
    is owed, be it pending or held. What was never paid out is none, in whatever order news come.
    """
    after = evolve(earnings, event)
    uncovered = min(max(-after.owed_minor, 0), max(after.transferred_minor, 0))
    return replace(event, receivable_change_minor=uncovered - earnings.receivable_minor)
