"""Who may say who sees a user."""

from __future__ import annotations

from collections.abc import Mapping

from ledger.message import Command
from ledger.roles import USERS
from ledger.visibility.commands import SetVisibility

MAY_SEND: Mapping[type[Command], frozenset[str]] = {SetVisibility: USERS}
