"""What can be asked of who may see a user."""

from __future__ import annotations

from typing import ClassVar

from ledger.message import Command
from ledger.visibility.state import Visibility


class SetVisibility(Command, frozen=True, kw_only=True):
    NAME: ClassVar[str] = "visibility.set"
    user_id: str
    visibility: Visibility


VisibilityCommand = SetVisibility
