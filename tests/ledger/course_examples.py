"""Builders of commands and facts about courses and their authors: each takes what its test is about."""

from __future__ import annotations

from functools import reduce
from typing import Any

from ledger.authors.commands import AcceptUpload
from ledger.courses.commands import (
    AcceptInvitation,
    ApproveCourse,
    ArchiveCourse,
    CourseCommand,
    CreateCourse,
    FeatureCourse,
    LeaveCourse,
    PublishCourse,
    RejectCourse,
    ReviseCourse,
    SubmitCourse,
    UnarchiveCourse,
    UnfeatureCourse,
)
from ledger.courses.content import CourseContent, Item
from ledger.courses.decider import COURSE
from ledger.courses.events import CourseEvent, CourseUploaded
from ledger.courses.state import Course
from ledger.split import Part
from tests.ledger.examples import NOON

COURSE_ID, ANN, BOB = "crs_1", "usr_ann", "usr_bob"
HASH = "ab" * 32


def item(number: int = 1, **changes: Any) -> Item:
    fields: dict[str, Any] = {
        "item_id": f"itm_{number}",
        "weight": 1,
        "minutes": 10,
        "content_ref": f"s3://lessons/{number}.mp4",
        "sha256": HASH,
    }
    return Item(**{**fields, **changes})


def content(**changes: Any) -> CourseContent:
    """A course for 49.00 USD with two items, all of it Ann's."""
    fields: dict[str, Any] = {
        "words_id": "wrd_1",
        "words_hash": HASH,
        "described": True,
        "category": "data-science",
        "level": "beginner",
        "language": "en",
        "estimated_minutes": 90,
        "price_minor": 4900,
        "currency": "usd",
        "items": (item(1), item(2)),
        "instructors": (Part(user_id=ANN, part_bp=10_000),),
    }
    return CourseContent(**{**fields, **changes})


def _made(kind: Any, fields: dict[str, Any], changes: dict[str, Any]) -> Any:
    common = {"command_id": "cmd", "effective_at": NOON, "course_id": COURSE_ID}
    return kind(**{**common, **fields, **changes})


def accept(**changes: Any) -> AcceptUpload:
    fields = {
        "user_id": ANN,
        "content": content(),
        "limit": 5,
        "tier": "pro",
        "catalogue_version": "2026-03",
    }
    made: AcceptUpload = _made(AcceptUpload, fields, changes)
    return made


def create(**changes: Any) -> CreateCourse:
    made: CreateCourse = _made(CreateCourse, {"user_id": ANN, "content": content()}, changes)
    return made


def revise(after: CourseContent, revision: int = 1, **changes: Any) -> ReviseCourse:
    fields = {
        "user_id": ANN,
        "expected_revision": revision,
        "content": after,
        "asked": "what",
        "may_sell": True,
    }
    made: ReviseCourse = _made(ReviseCourse, fields, changes)
    return made


def submit(**changes: Any) -> SubmitCourse:
    made: SubmitCourse = _made(SubmitCourse, {"user_id": ANN}, changes)
    return made


def approve(revision: int = 1) -> ApproveCourse:
    made: ApproveCourse = _made(ApproveCourse, {"revision": revision}, {})
    return made


def reject(revision: int = 1, reason: str = "Lesson 2 has no sound.") -> RejectCourse:
    made: RejectCourse = _made(RejectCourse, {"revision": revision, "reason": reason}, {})
    return made


def publish(**changes: Any) -> PublishCourse:
    made: PublishCourse = _made(PublishCourse, {"user_id": ANN, "may_sell": True}, changes)
    return made


def archive(**changes: Any) -> ArchiveCourse:
    made: ArchiveCourse = _made(ArchiveCourse, {"user_id": ANN}, changes)
    return made


def take_down(reason: str = "It teaches what is not so.") -> ArchiveCourse:
    return archive(user_id="usr_root", by_admin=True, reason=reason)


def unarchive(**changes: Any) -> UnarchiveCourse:
    made: UnarchiveCourse = _made(UnarchiveCourse, {"user_id": ANN, "may_sell": True}, changes)
    return made


def bring_back(**changes: Any) -> UnarchiveCourse:
    return unarchive(user_id="usr_root", by_admin=True, **changes)


def feature() -> FeatureCourse:
    made: FeatureCourse = _made(FeatureCourse, {}, {})
    return made


def unfeature() -> UnfeatureCourse:
    made: UnfeatureCourse = _made(UnfeatureCourse, {}, {})
    return made


def join(user_id: str = BOB) -> AcceptInvitation:
    made: AcceptInvitation = _made(AcceptInvitation, {"user_id": user_id}, {})
    return made


def leave(user_id: str = BOB) -> LeaveCourse:
    made: LeaveCourse = _made(LeaveCourse, {"user_id": user_id}, {})
    return made


def given(*commands: CourseCommand, of: CourseContent | None = None) -> Course:
    """A course that was uploaded, and what was done with it then."""
    uploaded = CourseUploaded(course_id=COURSE_ID, user_id=ANN, content=of or content())
    return when(COURSE.evolve(Course(), uploaded), *commands)[0]


def when(course: Course, *commands: CourseCommand) -> tuple[Course, tuple[CourseEvent, ...]]:
    recorded: list[CourseEvent] = []
    for command in commands:
        events = COURSE.decide(command, course)
        course = reduce(COURSE.evolve, events, course)
        recorded += events
    return course, tuple(recorded)
