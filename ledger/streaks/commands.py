"""What can be asked of a user's streak."""

from __future__ import annotations

from typing import ClassVar

from ledger.message import Command


class NoteActivity(Command, frozen=True, kw_only=True):
    """Something that counts for a streak was done at `effective_at`."""

    NAME: ClassVar[str] = "streaks.note_activity"
    GENERATED: ClassVar[frozenset[str]] = frozenset({"time_zone", "milestones"})
    user_id: str
    time_zone: str
    """The user's, by its IANA name. It is kept where it can be erased, and only the date is in the fact."""
    milestones: tuple[int, ...] = ()
    """Days in a row that earn something now."""


class ChangeTimeZone(Command, frozen=True, kw_only=True):
    """The user's days begin at another time from now on; which that is, is kept elsewhere."""

    NAME: ClassVar[str] = "streaks.change_time_zone"
    user_id: str
    erased: bool = False
    """It is erased with all that is known of the user, which is never refused."""


StreakCommand = NoteActivity | ChangeTimeZone
