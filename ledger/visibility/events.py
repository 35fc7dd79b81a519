"""Facts about who may see a user. The name itself is in no fact."""

from __future__ import annotations

from typing import ClassVar

from ledger.message import Event


class VisibilityChanged(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "visibility.changed.v1"
    user_id: str
    visibility: str


VisibilityEvent = VisibilityChanged
