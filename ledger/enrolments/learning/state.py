"""How far a learner is in a course."""

from __future__ import annotations

from msgspec import Struct


class Learning(Struct, frozen=True):
    progress_bp: int = 0
    """In basis points of the whole course."""
