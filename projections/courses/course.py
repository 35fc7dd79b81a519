"""The row of a course, and what each fact makes of it."""

from __future__ import annotations

from datetime import datetime

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
from ledger.courses.state import CourseStatus
from ledger.courses.teaching import names
from ledger.message import Recorded
from projections.engine.tables import Row, Table


class CourseRow(Row):
    course_id: str
    author: str
    status: CourseStatus
    revision: int
    words_id: str
    category: str
    level: str
    language: str
    price_minor: int
    currency: str
    free: bool
    estimated_minutes: int
    item_count: int
    instructors: tuple[str, ...]
    reason: str
    taken_down: bool
    featured_at: datetime | None
    uploaded_at: datetime
    published_at: datetime | None
    """When it was first published."""
    updated_at: datetime
    published_position: int | None
    position: int
    last_position: int
    learners: int = 0
    """Who has it now."""
    stars_1: int = 0
    """How many of the reviews that count give so many."""
    stars_2: int = 0
    stars_3: int = 0
    stars_4: int = 0
    stars_5: int = 0
    rating_count: int = 0
    rating_key: int = 0
    """Of the average, exactly, to order by."""
    named: tuple[str, ...] = ()
    """Instructors as its author names them."""
    invited: tuple[str, ...] = ()
    """Those of them who have not accepted yet."""


COURSES = Table("courses", CourseRow, ("course_id",))


def begin(recorded: Recorded, event: CourseUploaded) -> CourseRow:
    at = recorded.metadata.effective_at
    content = event.content
    return CourseRow(
        course_id=event.course_id,
        author=event.user_id,
        status="draft",
        revision=1,
        words_id=content.words_id,
        category=content.category,
        level=content.level,
        language=content.language,
        price_minor=content.price_minor,
        currency=content.currency,
        free=content.price_minor == 0,
        estimated_minutes=content.estimated_minutes,
        item_count=len(content.items),
        instructors=names(tuple(one.user_id for one in content.instructors), event.invited, event.user_id),
        named=tuple(one.user_id for one in content.instructors),
        invited=event.invited,
        reason="",
        taken_down=False,
        featured_at=None,
        uploaded_at=at,
        published_at=None,
        updated_at=at,
        published_position=None,
        position=recorded.position,
        last_position=recorded.position,
    )


def advance(  # noqa: C901, PLR0912 - one answer for each fact of a closed union
    row: CourseRow, recorded: Recorded, event: CourseEvent
) -> None:
    at = recorded.metadata.effective_at
    row.last_position = recorded.position
    row.updated_at = at
    match event:
        case CourseRevised():
            _revise(row, event.revision, event.content)
            _teach(row, tuple(one.user_id for one in event.content.instructors), event.invited)
            if event.back_to_draft:
                row.status = "draft"
        case CourseSubmitted():
            row.status, row.reason = "in_review", ""
        case CourseApproved():
            row.status, row.reason = "approved", ""
        case CourseRejected(reason=reason):
            row.status, row.reason = "draft", reason
        case CoursePublished():
            row.status = "published"
            row.published_at = row.published_at or at
            row.published_position = row.published_position or recorded.position
        case CourseArchived():
            row.status, row.reason = "archived", event.reason
            row.taken_down, row.featured_at = event.by_admin, None
        case CourseUnarchived():
            row.status, row.reason, row.taken_down = "published", "", False
        case CourseFeatured():
            row.featured_at = at
        case CourseUnfeatured():
            row.featured_at = None
        case InstructorAccepted(user_id=user_id):
            _teach(row, row.named, tuple(one for one in row.invited if one != user_id))
        case InstructorLeft(user_id=user_id):
            waiting = tuple(one for one in row.invited if one != user_id)
            _teach(row, names(row.named, {user_id}, row.author), waiting)
        case CourseUploaded():
            raise LookupError(f"course {row.course_id} was uploaded twice")


def _revise(row: CourseRow, revision: int, content: CourseContent) -> None:
    row.revision = revision
    row.words_id = content.words_id
    row.category = content.category
    row.level = content.level
    row.language = content.language
    row.price_minor = content.price_minor
    row.currency = content.currency
    row.free = content.price_minor == 0
    row.estimated_minutes = content.estimated_minutes
    row.item_count = len(content.items)


def _teach(row: CourseRow, named: tuple[str, ...], invited: tuple[str, ...]) -> None:
    row.named, row.invited = named, invited
    row.instructors = names(named, invited, row.author)
