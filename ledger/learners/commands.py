"""What can be asked of the courses that one learner starts."""

from __future__ import annotations

from typing import ClassVar

from ledger.message import Command


class StartCourse(Command, frozen=True, kw_only=True):
    """Of a course that cost the learner nothing; what was paid for is never counted."""

    NAME: ClassVar[str] = "learners.start_course"
    GENERATED: ClassVar[frozenset[str]] = frozenset({"limit", "tier", "catalogue_version"})
    """What the learner's plan says at the time of asking, which may change before a repeat."""
    learner_id: str
    course_id: str
    limit: int | None
    """How many in all; None is without limit."""
    tier: str
    catalogue_version: str


LearnerCommand = StartCourse
