"""Who may send which command about streaks."""

from __future__ import annotations

from collections.abc import Mapping

from ledger.message import Command
from ledger.roles import SYSTEM, USERS
from ledger.streaks.commands import ChangeTimeZone, NoteActivity

MAY_SEND: Mapping[type[Command], frozenset[str]] = {NoteActivity: SYSTEM, ChangeTimeZone: USERS}
