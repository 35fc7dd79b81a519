"""Facts about one author's uploads."""

from __future__ import annotations

from typing import ClassVar

from ledger.courses.content import CourseContent
from ledger.message import Event


class UploadAccepted(Event, frozen=True, kw_only=True):
    """One of the month's uploads is taken; the course is made of `content` next."""

    TYPE: ClassVar[str] = "authors.upload_accepted.v1"
    user_id: str
    course_id: str
    month: str
    """Such as `2026-03`, in UTC."""
    content: CourseContent
    tier: str
    catalogue_version: str
    limit: int | None = None
    """By which it was decided; None is without limit."""


AuthorEvent = UploadAccepted
