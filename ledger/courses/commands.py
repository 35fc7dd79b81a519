"""What can be asked of one course. `user_id` is who asks, and must be its author unless `by_admin`."""

from __future__ import annotations

from typing import ClassVar

from ledger.courses.content import CourseContent
from ledger.message import Command


class CreateCourse(Command, frozen=True, kw_only=True):
    """What follows from an upload that was accepted; never refused, as it was judged there."""

    NAME: ClassVar[str] = "courses.create"
    course_id: str
    user_id: str
    content: CourseContent


class ReviseCourse(Command, frozen=True, kw_only=True):
    """To the whole of `content`; refused when the course is not at `expected_revision` any more."""

    NAME: ClassVar[str] = "courses.revise"
    GENERATED: ClassVar[frozenset[str]] = frozenset({"content", "may_sell"})
    """The content is what the request changes, put into what was there: `asked` tells one from another."""
    course_id: str
    user_id: str
    expected_revision: int
    content: CourseContent
    asked: str
    """A hash of what the request changes."""
    may_sell: bool
    """Whether the author's plan has `sell_courses` now."""


class SubmitCourse(Command, frozen=True, kw_only=True):
    NAME: ClassVar[str] = "courses.submit"
    course_id: str
    user_id: str


class ApproveCourse(Command, frozen=True, kw_only=True):
    """Of that revision, which is the one that was looked at."""

    NAME: ClassVar[str] = "courses.approve"
    course_id: str
    revision: int


class RejectCourse(Command, frozen=True, kw_only=True):
    """Back to draft. `reason` is kept for ever, so it must not name anybody."""

    NAME: ClassVar[str] = "courses.reject"
    course_id: str
    revision: int
    reason: str


class PublishCourse(Command, frozen=True, kw_only=True):
    NAME: ClassVar[str] = "courses.publish"
    GENERATED: ClassVar[frozenset[str]] = frozenset({"may_sell"})
    course_id: str
    user_id: str
    may_sell: bool


class ArchiveCourse(Command, frozen=True, kw_only=True):
    """No longer sold. An administrator's is a take-down, with its reason."""

    NAME: ClassVar[str] = "courses.archive"
    course_id: str
    user_id: str
    by_admin: bool = False
    reason: str = ""


class UnarchiveCourse(Command, frozen=True, kw_only=True):
    NAME: ClassVar[str] = "courses.unarchive"
    GENERATED: ClassVar[frozenset[str]] = frozenset({"may_sell"})
    course_id: str
    user_id: str
    by_admin: bool = False
    may_sell: bool
    """Whether its author's plan lets them, whoever asks."""


class FeatureCourse(Command, frozen=True, kw_only=True):
    """Shown among the featured ones, for as long as it is published."""

    NAME: ClassVar[str] = "courses.feature"
    course_id: str


class UnfeatureCourse(Command, frozen=True, kw_only=True):
    NAME: ClassVar[str] = "courses.unfeature"
    course_id: str


class AcceptInvitation(Command, frozen=True, kw_only=True):
    """By whom its author named as instructor."""

    NAME: ClassVar[str] = "courses.accept_invitation"
    course_id: str
    user_id: str


class LeaveCourse(Command, frozen=True, kw_only=True):
    """By one of its instructors, or by somebody who was invited and declines."""

    NAME: ClassVar[str] = "courses.leave"
    course_id: str
    user_id: str


CourseCommand = (
    CreateCourse
    | ReviseCourse
    | SubmitCourse
    | ApproveCourse
    | RejectCourse
    | PublishCourse
    | ArchiveCourse
    | UnarchiveCourse
    | FeatureCourse
    | UnfeatureCourse
    | AcceptInvitation
    | LeaveCourse
)
