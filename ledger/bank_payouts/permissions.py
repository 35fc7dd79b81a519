"""Who may send which command about a payout of a connected account."""

from __future__ import annotations

from collections.abc import Mapping

from ledger.bank_payouts.commands import RecordBankPayoutSnapshot
from ledger.message import Command
from ledger.roles import SYSTEM

MAY_SEND: Mapping[type[Command], frozenset[str]] = {RecordBankPayoutSnapshot: SYSTEM}
