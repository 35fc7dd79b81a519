"""What can be asked of what a learner learns at a course, and of the certificate for it."""

from __future__ import annotations

from typing import ClassVar

from msgspec import Struct

from ledger.courses.content import CourseContent, Item
from ledger.message import Command


class Syllabus(Struct, frozen=True, kw_only=True):
    """What is to be learnt at a course now, as it was read for the report."""

    revision: int
    level: str
    items: tuple[Item, ...]
    estimated_minutes: int

    @property
    def minutes(self) -> int:
        """Of its items; what its author estimates where it has none."""
        return sum(item.minutes for item in self.items) or self.estimated_minutes


def syllabus_of(revision: int, content: CourseContent) -> Syllabus:
    return Syllabus(
        revision=revision,
        level=content.level,
        items=content.items,
        estimated_minutes=content.estimated_minutes,
    )


class ReportProgress(Command, frozen=True, kw_only=True):
    """That these items are done; for a course without items, so much of it in per cent."""

    NAME: ClassVar[str] = "enrolments.report_progress"
    GENERATED: ClassVar[frozenset[str]] = frozenset({"syllabus"})
    """The course is as it is when it is asked; a repeat is the same intent when it was revised meanwhile."""
    course_id: str
    learner_id: str
    syllabus: Syllabus
    items: tuple[str, ...] = ()
    percent: int | None = None


class IssueCertificate(Command, frozen=True, kw_only=True):
    """For an attempt that was completed. What it says is beside the facts, under `words_id`."""

    NAME: ClassVar[str] = "enrolments.issue_certificate"
    GENERATED: ClassVar[frozenset[str]] = frozenset({"words_id", "words_hash"})
    course_id: str
    learner_id: str
    enrolment_id: str
    words_id: str
    words_hash: str


LearningCommand = ReportProgress | IssueCertificate
