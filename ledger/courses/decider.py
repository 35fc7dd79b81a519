"""The rules of one course: nothing is sold that nobody approved, and nobody changes what they have not seen.

Whoever asks again for what is so already gets no refusal and leaves no fact.
"""

from __future__ import annotations

from typing import get_args

from msgspec.structs import replace

from ledger.courses import content as contents
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
from ledger.courses.refusals import (
    AuthorStays,
    CourseIncomplete,
    CourseStatusConflict,
    CurrencyFixed,
    ReasonRequired,
    RevisionConflict,
    SellingNotInPlan,
    TakenDown,
)
from ledger.courses.state import Course, evolve
from ledger.courses.stream import stream_of
from ledger.errors import NotFound
from ledger.message import Decider
from ledger.visible import is_visible

REASON_MAX = 500

_Events = tuple[CourseEvent, ...]
_Instructors = AcceptInvitation | LeaveCourse
_Owners = ReviseCourse | SubmitCourse | PublishCourse | ArchiveCourse | UnarchiveCourse
_UNDER_REVIEW = frozenset({"in_review", "approved"})


def decide(  # noqa: C901, PLR0911 - one answer for each command of a closed union
    command: CourseCommand, course: Course
) -> _Events:
    if isinstance(command, CreateCourse):
        return _create(command, course)
    content = course.written
    if content is None or (isinstance(command, _Owners) and not _is_theirs(command, course)):
        raise NotFound(f"There is no course {command.course_id}.")
    match command:
        case ReviseCourse():
            return _revise(command, course, content)
        case SubmitCourse():
            return _submit(command, course, content)
        case ApproveCourse():
            return _approve(command, course)
        case RejectCourse():
            return _reject(command, course)
        case PublishCourse():
            return _publish(command, course, content)
        case ArchiveCourse():
            return _archive(command, course)
        case UnarchiveCourse():
            return _unarchive(command, course, content)
        case FeatureCourse():
            return _feature(command, course)
        case UnfeatureCourse():
            return (CourseUnfeatured(course_id=command.course_id),) if course.featured else ()
        case AcceptInvitation() | LeaveCourse():
            return _teach(command, course)


def _is_theirs(command: _Owners, course: Course) -> bool:
    if isinstance(command, ArchiveCourse | UnarchiveCourse) and command.by_admin:
        return True
    return command.user_id == course.author


def _create(command: CreateCourse, course: Course) -> _Events:
    if course.status:
        return ()
    content, author = command.content, command.user_id
    uploaded = CourseUploaded(
        course_id=command.course_id,
        user_id=author,
        content=content,
        invited=tuple(one.user_id for one in content.instructors if one.user_id != author),
    )
    return (uploaded,)


def _revise(command: ReviseCourse, course: Course, before: CourseContent) -> _Events:
    _check_revision(command.expected_revision, course)
    after = command.content
    contents.check(after)
    if after == before:
        return ()
    if course.status in _UNDER_REVIEW or course.status == "published":
        _check_complete(after, f"for as long as it is {course.status}")
    if course.was_published and after.currency != before.currency:
        raise CurrencyFixed(
            f"This course was published in {before.currency}; its price can change, its currency cannot."
        )
    if course.status == "published" and after.price_minor and not before.price_minor:
        _check_may_sell(command.may_sell)
    only_price = replace(after, price_minor=before.price_minor) == before
    revised = CourseRevised(
        course_id=command.course_id,
        revision=course.revision + 1,
        content=after,
        back_to_draft=course.status in _UNDER_REVIEW and not only_price,
        invited=_invited(after, course),
    )
    return (revised,)


def _invited(after: CourseContent, course: Course) -> tuple[str, ...]:
    """Who teaches it already need not be asked again; who was taken off the list must be."""
    accepted = {course.author, *(one.user_id for one in course.named)} - set(course.invited)
    return tuple(one.user_id for one in after.instructors if one.user_id not in accepted)


def _teach(command: _Instructors, course: Course) -> _Events:
    user_id = command.user_id
    if user_id == course.author and isinstance(command, LeaveCourse):
        raise AuthorStays("You are the author of this course: archive it if it is to be sold no longer.")
    waits = user_id in course.invited
    if not waits and all(one.user_id != user_id for one in course.named):
        raise NotFound(f"There is no course {command.course_id}.")
    if isinstance(command, LeaveCourse):
        return (InstructorLeft(course_id=command.course_id, user_id=user_id, declined=waits),)
    return (InstructorAccepted(course_id=command.course_id, user_id=user_id),) if waits else ()


def _submit(command: SubmitCourse, course: Course, content: CourseContent) -> _Events:
    if course.status == "in_review":
        return ()
    _check_status(course, "draft", "submitted")
    _check_complete(content, "before it can be reviewed")
    return (CourseSubmitted(course_id=command.course_id, revision=course.revision),)


def _approve(command: ApproveCourse, course: Course) -> _Events:
    _check_revision(command.revision, course)
    if course.status == "approved":
        return ()
    _check_status(course, "in_review", "approved")
    return (CourseApproved(course_id=command.course_id, revision=course.revision),)


def _reject(command: RejectCourse, course: Course) -> _Events:
    """Also one that was approved, for as long as it is not published."""
    _check_reason(command.reason, required=True)
    _check_revision(command.revision, course)
    if course.status != "approved":
        _check_status(course, "in_review", "rejected")
    rejected = CourseRejected(
        course_id=command.course_id, revision=course.revision, reason=command.reason.strip()
    )
    return (rejected,)


def _publish(command: PublishCourse, course: Course, content: CourseContent) -> _Events:
    if course.status == "published":
        return ()
    _check_status(course, "approved", "published")
    if content.price_minor:
        _check_may_sell(command.may_sell)
    return (CoursePublished(course_id=command.course_id, revision=course.revision),)


def _archive(command: ArchiveCourse, course: Course) -> _Events:
    """An administrator takes down also what its author has archived, so that it stays so."""
    _check_reason(command.reason, required=command.by_admin)
    if course.status == "archived" and (course.taken_down or not command.by_admin):
        return ()
    if course.status != "archived":
        _check_status(course, "published", "archived")
    archived = CourseArchived(
        course_id=command.course_id, by_admin=command.by_admin, reason=command.reason.strip()
    )
    return (archived,)


def _unarchive(command: UnarchiveCourse, course: Course, content: CourseContent) -> _Events:
    if course.status == "published":
        return ()
    _check_status(course, "archived", "brought back")
    if course.taken_down and not command.by_admin:
        raise TakenDown("An administrator took this course down; ask one to bring it back.")
    if not course.taken_down and command.user_id != course.author:
        raise CourseStatusConflict("Its author archived this course; only they can bring it back.")
    _check_complete(content, "before it can be brought back")
    if content.price_minor:
        _check_may_sell(command.may_sell)
    return (CourseUnarchived(course_id=command.course_id, by_admin=command.by_admin),)


def _feature(command: FeatureCourse, course: Course) -> _Events:
    if course.featured:
        return ()
    _check_status(course, "published", "featured")
    return (CourseFeatured(course_id=command.course_id),)


def _check_status(course: Course, needed: str, what: str) -> None:
    if course.status != needed:
        raise CourseStatusConflict(
            f"This course is {course.status}; only one that is {needed} can be {what}."
        )


def _check_complete(content: CourseContent, when: str) -> None:
    """Raises `CourseIncomplete`; `when` it must be so ends the sentence."""
    parts = {
        "description": ("a description", content.described),
        "items": ("an item", bool(content.items)),
    }
    if missing := tuple(name for name, (_, there) in parts.items() if not there):
        needed = " and ".join(parts[name][0] for name in missing)
        raise CourseIncomplete(f"The course needs {needed} {when}.", missing)


def _check_revision(expected: int, course: Course) -> None:
    if expected != course.revision:
        raise RevisionConflict(
            f"The course is at revision {course.revision}, and {expected} was sent: look at it again.",
            course.revision,
        )


def _check_may_sell(may_sell: bool) -> None:  # noqa: FBT001 - the one thing to be checked
    if not may_sell:
        raise SellingNotInPlan(
            "Courses with a price need the feature sell_courses, which the author's plan does not have now."
        )


def _check_reason(reason: str, *, required: bool) -> None:
    if (required and not is_visible(reason)) or len(reason) > REASON_MAX or "\0" in reason:
        least = 1 if required else 0
        raise ReasonRequired(
            f"`reason` must have from {least} to {REASON_MAX} characters to be seen, and no NUL."
        )


def stream(command: CourseCommand) -> str:
    return stream_of(command.course_id)


COURSE: Decider[CourseCommand, Course, CourseEvent] = Decider(
    stream=stream,
    decide=decide,
    evolve=evolve,
    initial=Course(),
    commands=get_args(CourseCommand),
    events=get_args(CourseEvent),
    begins=(CreateCourse,),
)
