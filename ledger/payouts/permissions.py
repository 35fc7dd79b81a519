"""Who may send which command about a payout."""

from __future__ import annotations

from collections.abc import Mapping

from ledger.message import Command
from ledger.payouts.commands import RecordPayoutSnapshot
from ledger.roles import SYSTEM

MAY_SEND: Mapping[type[Command], frozenset[str]] = {RecordPayoutSnapshot: SYSTEM}
