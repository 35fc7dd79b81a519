"""What is remembered of a course to decide on it. `evolve` takes any history and never fails."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, assert_never

from msgspec import Struct
from msgspec.structs import replace

from ledger.courses.content import CourseContent
from ledger.courses.events import (
    CourseApproved,
    CourseArchived,
    CourseEvent,
    CourseFeatured,
    CoursePublished,
    CourseRejected,
    CourseRevised,
    CourseSubmitted,
    CourseUnarchived,
    CourseUnfeatured,
    CourseUploaded,
)

CourseStatus = Literal["draft", "in_review", "approved", "published", "archived"]

TRANSITIONS: Mapping[str, tuple[CourseStatus, ...]] = {
    "": ("draft",),
    "draft": ("in_review",),
    "in_review": ("approved", "draft"),
    "approved": ("published", "draft"),
    "published": ("archived",),
    "archived": ("published",),
}
"""By status, what can follow at once."""


class Course(Struct, frozen=True):
    course_id: str = ""
    author: str = ""
    """The user who uploaded it."""
    status: Literal[CourseStatus, ""] = ""
    """Empty before it is uploaded."""
    revision: int = 0
    content: CourseContent | None = None
    """Of that revision; whole, as each revision replaces all of it."""
    was_published: bool = False
    taken_down: bool = False
    """Archived by an administrator."""
    featured: bool = False
    reason: str = ""
    """Why it was rejected or archived last, until what follows that."""


def evolve(  # noqa: C901, PLR0911 - one answer for each fact of a closed union
    course: Course, event: CourseEvent
) -> Course:
    match event:
        case CourseUploaded():
            return Course(event.course_id, event.user_id, "draft", 1, event.content)
        case CourseRevised():
            status = "draft" if event.back_to_draft else course.status
            return replace(course, status=status, revision=event.revision, content=event.content)
        case CourseSubmitted():
            return replace(course, status="in_review", reason="")
        case CourseApproved():
            return replace(course, status="approved", reason="")
        case CourseRejected():
            return replace(course, status="draft", reason=event.reason)
        case CoursePublished():
            return replace(course, status="published", was_published=True)
        case CourseArchived():
            return replace(
                course, status="archived", taken_down=event.by_admin, featured=False, reason=event.reason
            )
        case CourseUnarchived():
            return replace(course, status="published", taken_down=False, reason="")
        case CourseFeatured():
            return replace(course, featured=True)
        case CourseUnfeatured():
            return replace(course, featured=False)
        case _:
            assert_never(event)
