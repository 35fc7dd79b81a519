"""Who may send which command about friendships."""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

from ledger.friendships.commands import FriendshipCommand
from ledger.message import Command
from ledger.roles import USERS

MAY_SEND: Mapping[type[Command], frozenset[str]] = dict.fromkeys(get_args(FriendshipCommand), USERS)
