"""Who may send which command about seats.

Whether somebody holds the licence's key, or manages its organisation, is asked where the request comes in.
"""

from __future__ import annotations

from collections.abc import Mapping

from ledger.message import Command
from ledger.roles import REPORTERS, SYSTEM
from ledger.seats.commands import ActivateSeat, DeactivateSeat, FreeMemberSeats, ReleaseSeat

MAY_SEND: Mapping[type[Command], frozenset[str]] = {
    ActivateSeat: REPORTERS,
    ReleaseSeat: REPORTERS,
    DeactivateSeat: frozenset({"enterprise", "admin"}),
    FreeMemberSeats: SYSTEM,
}
