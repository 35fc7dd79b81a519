"""What can be asked of one author's uploads."""

from __future__ import annotations

from typing import ClassVar

from ledger.courses.content import CourseContent
from ledger.message import Command


class AcceptUpload(Command, frozen=True, kw_only=True):
    """Take one of the month's uploads for this course. The month is the one of `effective_at`, in UTC."""

    NAME: ClassVar[str] = "authors.accept_upload"
    GENERATED: ClassVar[frozenset[str]] = frozenset({"limit", "tier", "catalogue_version"})
    """What the author's plan says at the time of asking, which may change before a repeat."""
    user_id: str
    course_id: str
    content: CourseContent
    limit: int | None
    """How many in a month; None is without limit."""
    tier: str
    catalogue_version: str


AuthorCommand = AcceptUpload
