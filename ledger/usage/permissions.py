"""Who may say what is used: whoever holds the licence's key, which is asked where the request comes in."""

from __future__ import annotations

from collections.abc import Mapping

from ledger.message import Command
from ledger.roles import REPORTERS
from ledger.usage.commands import RecordUsage

MAY_SEND: Mapping[type[Command], frozenset[str]] = {RecordUsage: REPORTERS}
