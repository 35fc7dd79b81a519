"""Who may vote on a review."""

from __future__ import annotations

from collections.abc import Mapping

from ledger.message import Command
from ledger.roles import USERS
from ledger.votes.commands import MarkHelpful, UnmarkHelpful

MAY_SEND: Mapping[type[Command], frozenset[str]] = {MarkHelpful: USERS, UnmarkHelpful: USERS}
