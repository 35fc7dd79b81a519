"""Who may send which command about earnings."""

from __future__ import annotations

from collections.abc import Mapping

from ledger.earnings.commands import AccrueEarnings
from ledger.message import Command
from ledger.roles import SYSTEM

MAY_SEND: Mapping[type[Command], frozenset[str]] = {AccrueEarnings: SYSTEM}
