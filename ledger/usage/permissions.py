"""Who may say what is used: whoever holds the licence's key, which is asked where the request comes in;
and the service itself, which counts the calls that it answers.
"""

from __future__ import annotations

from collections.abc import Mapping

from ledger.message import Command
from ledger.roles import REPORTERS, SYSTEM
from ledger.usage.commands import LeaseUsage, RecordUsage, SettleLease

MAY_SEND: Mapping[type[Command], frozenset[str]] = {
    RecordUsage: REPORTERS,
    LeaseUsage: SYSTEM,
    SettleLease: SYSTEM,
}
