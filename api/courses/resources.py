"""Courses as requests write them and as answers show them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from api.courses.ratings import Rating, rating_of
from api.courses.words import Words
from api.http.body import CurrencyCode
from api.http.checks import Check, blank_fault
from api.words import CATEGORY, LANGUAGE, NO_NUL, SHA256, USER
from ledger.courses.content import (
    CATEGORY_MAX,
    ID_MAX,
    INSTRUCTORS_MAX,
    ITEMS_MAX,
    MINUTES_MAX,
    REF_MAX,
    WEIGHT_MAX,
    CourseContent,
)
from ledger.courses.state import Course, CourseStatus
from ledger.split import WHOLE_BP, Part
from projections.courses.course import CourseRow

ERASED = "(erased)"
"""Shown for the title of a course whose author had their words erased."""

Level = Literal["beginner", "intermediate", "advanced"]
Title = Annotated[
    str,
    Meta(min_length=1, max_length=200, pattern=NO_NUL, examples=["Statistics with R"]),
    Check(blank_fault),
]
Description = Annotated[str, Meta(max_length=10_000, pattern=NO_NUL)]
Category = Annotated[
    str,
    Meta(
        max_length=CATEGORY_MAX,
        pattern=CATEGORY,
        description="Words in lower case, joined by hyphens.",
        examples=["data-science"],
    ),
]
Language = Annotated[str, Meta(pattern=LANGUAGE, description="BCP 47.", examples=["en", "pt-BR"])]
Minutes = Annotated[int, Meta(ge=1, le=MINUTES_MAX, description="Whole minutes.", examples=[90])]
PriceMinor = Annotated[
    int,
    Meta(ge=0, le=999_999_999_999, description="In minor units; 0 is free.", examples=[4900]),
]
UserId = Annotated[str, Meta(pattern=USER, examples=["usr_ann"])]


class NewItem(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One lesson. `content_ref` is where its content is, in your own words; `sha256` is of that content."""

    title: Title
    minutes: Minutes
    content_ref: Annotated[str, Meta(min_length=1, max_length=REF_MAX, pattern=NO_NUL)]
    sha256: Annotated[str, Meta(pattern=SHA256)]
    weight: Annotated[
        int,
        Meta(
            ge=1,
            le=WEIGHT_MAX,
            description="Its part of the progress, beside the others': of 1 and 3 the second is 75 %.",
        ),
    ] = 1


class RevisedItem(NewItem, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """With the `item_id` of one that stays, without it a new one."""

    item_id: Annotated[str, Meta(min_length=1, max_length=ID_MAX, pattern=NO_NUL)] | None = None


class InstructorPart(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`part_bp` in basis points of what all instructors get; together they are 10,000. Whoever is not the
    author is invited, and has their part of what is sold once they accept.
    """

    user_id: UserId
    part_bp: Annotated[
        int,
        Meta(ge=1, le=WHOLE_BP, description="In hundredths of a per cent: 2500 is 25 %.", examples=[2500]),
    ]


Instructors = Annotated[list[InstructorPart], Meta(min_length=1, max_length=INSTRUCTORS_MAX)]


class UploadCourse(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A draft. Description and items can follow before it is submitted. Without `instructors` all of it is
    the author's.
    """

    title: Title
    category: Category
    level: Level
    language: Language
    estimated_minutes: Minutes
    price_minor: PriceMinor
    currency: CurrencyCode = "usd"
    description: Description = ""
    items: Annotated[list[NewItem], Meta(max_length=ITEMS_MAX)] = []
    instructors: Instructors | None = None


class ReviseCourse(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is left out or null stays. `items` and `instructors` replace all of theirs."""

    expected_revision: Annotated[int, Meta(ge=1, description="The one that you saw.")]
    title: Title | None = None
    description: Description | None = None
    category: Category | None = None
    level: Level | None = None
    language: Language | None = None
    estimated_minutes: Minutes | None = None
    price_minor: PriceMinor | None = None
    currency: CurrencyCode | None = None
    items: Annotated[list[RevisedItem], Meta(max_length=ITEMS_MAX)] | None = None
    instructors: Instructors | None = None


class Invitation(msgspec.Struct, frozen=True, kw_only=True):
    """To teach a course. `part_bp` is what the caller is to have, of 10,000."""

    course_id: str
    author: str
    title: str
    status: CourseStatus
    part_bp: int
    position: int


class CourseStanding(msgspec.Struct, frozen=True, kw_only=True):
    """Where a course stands after what was asked. Its words are at `GET /api/courses/{course_id}`: answers
    that an `Idempotency-Key` keeps hold nothing that could be erased.
    """

    course_id: str
    author: str
    status: CourseStatus
    revision: int
    price_minor: int
    currency: str
    item_ids: list[str]
    featured: bool
    taken_down: bool
    """An administrator archived it, and only one can bring it back."""
    reason: str
    """Why it was rejected or archived, until what follows that."""


def standing_of(course: Course, content: CourseContent) -> CourseStanding:
    return CourseStanding(
        course_id=course.course_id,
        author=course.author,
        status=course.status or "draft",
        revision=course.revision,
        price_minor=content.price_minor,
        currency=content.currency,
        item_ids=[item.item_id for item in content.items],
        featured=course.featured,
        taken_down=course.taken_down,
        reason=course.reason,
    )


class CourseSummary(msgspec.Struct, frozen=True, kw_only=True):
    course_id: str
    author: str
    title: str
    status: CourseStatus
    revision: int
    category: str
    level: Level
    language: str
    price_minor: int
    currency: str
    free: bool
    estimated_minutes: int
    item_count: int
    instructors: list[str]
    featured: bool
    rating: Rating
    learners: int
    """Who has it now."""
    published_at: datetime | None
    updated_at: datetime


class FoundCourses(msgspec.Struct, frozen=True, kw_only=True):
    """`next_cursor` is null on the last page. `forgiven`: nothing has the words of `q`, and these are courses
    whose titles resemble them.
    """

    items: list[CourseSummary]
    has_more: bool
    next_cursor: str | None = None
    forgiven: bool = False


class TrendingCourse(CourseSummary, frozen=True, kw_only=True):
    enrolments: int
    """Of the last seven days, and still so."""


class Trending(msgspec.Struct, frozen=True, kw_only=True):
    items: list[TrendingCourse]


class OwnCourse(CourseSummary, frozen=True, kw_only=True):
    """`reason`: why it was rejected or archived, until what follows that."""

    taken_down: bool
    reason: str
    uploaded_at: datetime
    position: int


class CourseItem(msgspec.Struct, frozen=True, kw_only=True):
    """`content_ref` and `sha256` are for its author and admins, else null."""

    item_id: str
    title: str
    weight: int
    minutes: int
    content_ref: str | None
    sha256: str | None


class CourseDetail(OwnCourse, frozen=True, kw_only=True):
    """`reason`, `parts` and `invited` are for who teaches it and admins, else empty. What those who are
    `invited` are to have is in the author's part until they accept.
    """

    description: str
    items: list[CourseItem]
    parts: list[InstructorPart]
    invited: list[InstructorPart]


def summary_of(row: CourseRow, title: str | None) -> CourseSummary:
    return CourseSummary(**_summary(row, title))


def trending_of(course: CourseSummary, enrolments: int) -> TrendingCourse:
    return TrendingCourse(**msgspec.structs.asdict(course), enrolments=enrolments)


def own_of(row: CourseRow, title: str | None) -> OwnCourse:
    return OwnCourse(**_own(row, title))


def detail_of(
    row: CourseRow, content: CourseContent, words: Words | None, course: Course | None
) -> CourseDetail:
    """`course`, for who teaches it and admins, tells who does."""
    inside = course is not None
    fields = _own(row, words.title if words else None)
    titles = words.item_titles if words else {}
    return CourseDetail(
        **{**fields, "reason": row.reason if inside else ""},
        description=words.description if words else "",
        items=[
            CourseItem(
                item_id=item.item_id,
                title=titles.get(item.item_id, ERASED),
                weight=item.weight,
                minutes=item.minutes,
                content_ref=item.content_ref if inside else None,
                sha256=item.sha256 if inside else None,
            )
            for item in content.items
        ],
        parts=_parts(course.content.instructors if course and course.content else ()),
        invited=_parts(one for one in course.named if one.user_id in course.invited) if course else [],
    )


def _parts(parts: Iterable[Part]) -> list[InstructorPart]:
    return [InstructorPart(user_id=one.user_id, part_bp=one.part_bp) for one in parts]


def _summary(row: CourseRow, title: str | None) -> dict[str, Any]:
    return {
        "course_id": row.course_id,
        "author": row.author,
        "title": ERASED if title is None else title,
        "status": row.status,
        "revision": row.revision,
        "category": row.category,
        "level": row.level,
        "language": row.language,
        "price_minor": row.price_minor,
        "currency": row.currency,
        "free": row.free,
        "estimated_minutes": row.estimated_minutes,
        "item_count": row.item_count,
        "instructors": list(row.instructors),
        "featured": row.featured_at is not None,
        "rating": rating_of(row),
        "learners": row.learners,
        "published_at": row.published_at,
        "updated_at": row.updated_at,
    }


def _own(row: CourseRow, title: str | None) -> dict[str, Any]:
    return {
        **_summary(row, title),
        "taken_down": row.taken_down,
        "reason": row.reason,
        "uploaded_at": row.uploaded_at,
        "position": row.position,
    }
