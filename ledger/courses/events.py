"""Facts about one course."""

from __future__ import annotations

from typing import ClassVar

from ledger.courses.content import CourseContent
from ledger.message import Event


class CourseUploaded(Event, frozen=True, kw_only=True):
    """A draft, at revision 1."""

    TYPE: ClassVar[str] = "courses.uploaded.v1"
    course_id: str
    user_id: str
    content: CourseContent
    invited: tuple[str, ...] = ()
    """Of its instructors those who have not accepted yet; until then their parts are the author's."""


class CourseRevised(Event, frozen=True, kw_only=True):
    """All of the new content; what was bought before keeps the revision that it had."""

    TYPE: ClassVar[str] = "courses.revised.v1"
    course_id: str
    revision: int
    content: CourseContent
    back_to_draft: bool = False
    """It was in review or approved, and more than its price changed."""
    invited: tuple[str, ...] = ()
    """Of its instructors those who have not accepted yet; until then their parts are the author's."""


class CourseSubmitted(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "courses.submitted.v1"
    course_id: str
    revision: int


class CourseApproved(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "courses.approved.v1"
    course_id: str
    revision: int


class CourseRejected(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "courses.rejected.v1"
    course_id: str
    revision: int
    reason: str


class CoursePublished(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "courses.published.v1"
    course_id: str
    revision: int


class CourseArchived(Event, frozen=True, kw_only=True):
    """With `by_admin` a take-down."""

    TYPE: ClassVar[str] = "courses.archived.v1"
    course_id: str
    by_admin: bool = False
    reason: str = ""


class CourseUnarchived(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "courses.unarchived.v1"
    course_id: str
    by_admin: bool = False


class CourseFeatured(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "courses.featured.v1"
    course_id: str


class CourseUnfeatured(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "courses.unfeatured.v1"
    course_id: str


class InstructorAccepted(Event, frozen=True, kw_only=True):
    """Who was invited teaches the course from now on, and has their part of what is sold."""

    TYPE: ClassVar[str] = "courses.instructor_accepted.v1"
    course_id: str
    user_id: str


class InstructorLeft(Event, frozen=True, kw_only=True):
    """Their part is the author's from now on; what was sold stays as it was agreed."""

    TYPE: ClassVar[str] = "courses.instructor_left.v1"
    course_id: str
    user_id: str
    declined: bool = False
    """They never taught it."""


CourseEvent = (
    CourseUploaded
    | CourseRevised
    | CourseSubmitted
    | CourseApproved
    | CourseRejected
    | CoursePublished
    | CourseArchived
    | CourseUnarchived
    | CourseFeatured
    | CourseUnfeatured
    | InstructorAccepted
    | InstructorLeft
)
