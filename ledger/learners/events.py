"""Facts about the courses that one learner starts."""

from __future__ import annotations

from typing import ClassVar

from ledger.message import Event


class CourseStarted(Event, frozen=True, kw_only=True):
    """It counts from now on, whatever becomes of it."""

    TYPE: ClassVar[str] = "learners.course_started.v1"
    learner_id: str
    course_id: str
    tier: str
    catalogue_version: str
    limit: int | None = None
    """By which it was decided; None is without limit."""


LearnerEvent = CourseStarted
