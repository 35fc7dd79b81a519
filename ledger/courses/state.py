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
    InstructorAccepted,
    InstructorLeft,
)
from ledger.courses.teaching import counting
from ledger.split import Part

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
    """Of that revision; whole, as each revision replaces all of it. Its instructors are those who count."""
    was_published: bool = False
    taken_down: bool = False
    """Archived by an administrator."""
    featured: bool = False
    reason: str = ""
    """Why it was rejected or archived last, until what follows that."""
    named: tuple[Part, ...] = ()
    """Its instructors as the author names them."""
    invited: tuple[str, ...] = ()
    """Those of them who have not accepted yet."""

    def concerns(self, user_id: str) -> bool:
        """As its author, or as somebody who teaches it or is invited to."""
        return user_id == self.author or any(one.user_id == user_id for one in self.named)

    @property
    def written(self) -> CourseContent | None:
        """As its author wrote it, with those who are invited."""
        return None if self.content is None else replace(self.content, instructors=self.named)


def evolve(  # noqa: C901, PLR0911, PLR0912 - one answer for each fact of a closed union
    course: Course, event: CourseEvent
) -> Course:
    match event:
        case CourseUploaded():
            begun = Course(event.course_id, event.user_id, "draft", 1, event.content)
            return _taught(begun, event.content.instructors, event.invited)
        case CourseRevised():
            status = "draft" if event.back_to_draft else course.status
            revised = replace(course, status=status, revision=event.revision, content=event.content)
            return _taught(revised, event.content.instructors, event.invited)
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
        case InstructorAccepted():
            waiting = tuple(one for one in course.invited if one != event.user_id)
            return _taught(course, course.named, waiting)
        case InstructorLeft():
            waiting = tuple(one for one in course.invited if one != event.user_id)
            return _taught(course, counting(course.named, {event.user_id}, course.author), waiting)
        case _:
            assert_never(event)


def _taught(course: Course, named: tuple[Part, ...], invited: tuple[str, ...]) -> Course:
    if course.content is None:
        return course
    content = replace(course.content, instructors=counting(named, invited, course.author))
    return replace(course, content=content, named=named, invited=invited)
