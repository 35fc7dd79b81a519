"""Uploading a course, revising it, and what its author does with it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from litestar import Response, patch, post
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, JSONBody

from api.courses import words as course_words
from api.courses import writing
from api.courses.deciding import (
    TAGS,
    Call,
    OfCourse,
    Reason,
    RevisionProblem,
    asks,
    may_sell,
    moved,
    own,
    stands,
)
from api.courses.resources import CourseStanding, ReviseCourse, UploadCourse, standing_of
from api.erasable import salted
from api.http.body import IdempotencyKey, known_shape
from api.http.owner import is_admin
from api.http.preconditions import IDEMPOTENT
from api.http.problems import OWN_MEMBERS, Problem
from api.http.promises import responses
from api.services import Services, origin_of
from api.submitting import Submitted
from api.subscriptions.entitlements import COUNTS, FeatureMissing, FeatureProblem, require
from ledger.authors.commands import AcceptUpload
from ledger.authors.decider import AUTHOR
from ledger.authors.events import UploadAccepted
from ledger.authors.refusals import UploadLimitReached
from ledger.authors.stream import stream_of as author_stream
from ledger.courses import commands
from ledger.courses.decider import COURSE
from ledger.courses.refusals import (
    CourseIncomplete,
    CourseStatusConflict,
    CurrencyFixed,
    InvalidContent,
    ReasonRequired,
    RevisionConflict,
    SellingNotInPlan,
    TakenDown,
)
from ledger.courses.state import Course
from ledger.courses.stream import stream_of
from ledger.errors import NotFound
from ledger.message import Command

UPLOAD = "upload_courses"


class ArchiveCourse(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An admin who takes down somebody else's course must say why."""

    reason: Reason = ""


class UploadLimitProblem(Problem, kw_only=True):
    """`used` of `limit` in this calendar month (UTC)."""

    used: int
    limit: int
    begins_anew_at: datetime


def _told_limit(error: UploadLimitReached, said: Problem) -> Problem:
    return UploadLimitProblem(
        **msgspec.structs.asdict(said),
        used=error.used,
        limit=error.limit,
        begins_anew_at=error.begins_anew_at,
    )


OWN_MEMBERS[UploadLimitReached] = _told_limit


async def _uploads(services: Services, user_id: str, at: datetime) -> int:
    return (await services.store.state(AUTHOR, author_stream(user_id))).used(at)


COUNTS[UPLOAD] = _uploads


@post(
    "/api/courses/upload",
    operation_id="uploadCourse",
    summary="Upload a course",
    tags=TAGS,
    opt={IDEMPOTENT: True},
    response_description="It is a draft",
    responses=responses(
        NotFound,
        InvalidContent,
        bodies={FeatureMissing: FeatureProblem, UploadLimitReached: UploadLimitProblem},
    )
    | {
        202: ResponseSpec(
            CourseStanding, description="Accepted: it is made in a moment", generate_examples=False
        )
    },
)
async def upload_course(
    data: JSONBody[UploadCourse],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[CourseStanding]:
    """Takes one of the uploads that the plan has for a calendar month (UTC). What people wrote of the course
    can be erased (`DELETE /api/me`); all else stays for ever and must name nobody.
    """

    async def work(command_id: str) -> Response[Any]:
        async def make() -> Command:
            return await _accept(services, request, data, command_id)

        done = await services.submitter.submit_once(command_id, make, origin_of(request))
        return await _made(services, request, done, command_id)

    return await services.idempotency.run(request, idempotency_key, data, work)


async def _accept(services: Services, request: Call, body: UploadCourse, command_id: str) -> AcceptUpload:
    """Refused, if it must be, before anything is written."""
    author, course_id = request.user.id, services.id_of("crs", command_id)
    plan = await require(services, author, UPLOAD)
    draft = writing.uploaded(services, body, author, command_id)
    command = AcceptUpload(
        command_id=command_id,
        effective_at=services.now(),
        user_id=author,
        course_id=course_id,
        content=draft.content,
        limit=plan.limit,
        tier=plan.tier,
        catalogue_version=services.catalogue.version,
    )
    AUTHOR.decide(command, await services.store.state(AUTHOR, author_stream(author)))
    written = await writing.write(services, draft, course_id, author)
    return msgspec.structs.replace(command, content=written.content)


async def _made(services: Services, request: Call, done: Submitted, command_id: str) -> Response[Any]:
    """Nothing recorded: the course was accepted under this id before."""
    course_id, content = services.id_of("crs", command_id), None
    if done.recorded:
        accepted = done.recorded[0].event
        assert isinstance(accepted, UploadAccepted)
        course_id, content = accepted.course_id, accepted.content
    course = await services.store.state(COURSE, stream_of(course_id))
    if course.content is not None:
        location = {"Location": f"/api/courses/{course_id}"}
        shown = standing_of(course, course.content)
        return Response(shown, status_code=201, headers={**done.headers, **location})
    assert content is not None, "what was accepted before is made by now"
    waits = Course(course_id, request.user.id, "draft", 1, content)
    return Response(standing_of(waits, content), status_code=202, headers=done.headers)


@patch(
    "/api/courses/{course_id:str}",
    operation_id="reviseCourse",
    summary="Revise a course",
    tags=TAGS,
    opt={IDEMPOTENT: True},
    response_description="It is at the next revision, or as it was when nothing changed",
    responses=responses(
        NotFound,
        InvalidContent,
        CourseIncomplete,
        CurrencyFixed,
        SellingNotInPlan,
        bodies={RevisionConflict: RevisionProblem},
    ),
)
async def revise_course(
    course_id: FromPath[str],
    data: JSONBody[ReviseCourse],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[CourseStanding]:
    """In review or approved, it goes back to draft unless only its price changed. Published, it stays so and
    is sold as it is now from then on; what was bought keeps its revision. In review, approved or published
    it keeps a description and an item.
    """
    known_shape(course_id, "crs_")

    async def work(command_id: str) -> Response[Any]:
        async def make() -> Command:
            return await _revise(services, request, course_id, data, command_id)

        return await stands(
            services, course_id, await services.submitter.submit_once(command_id, make, origin_of(request))
        )

    return await services.idempotency.run(request, idempotency_key, data, work)


async def _revise(
    services: Services, request: Call, course_id: str, body: ReviseCourse, command_id: str
) -> commands.ReviseCourse:
    course, _ = await own(services, request, course_id)
    before = course.written
    assert before is not None, "it is their own"
    async with services.reading() as connection:
        known = await course_words.read(connection, before.words_id)
    draft = writing.revised(services, body, before, known, command_id)
    command = commands.ReviseCourse(
        command_id=command_id,
        effective_at=services.now(),
        course_id=course_id,
        user_id=request.user.id,
        expected_revision=body.expected_revision,
        content=draft.content,
        asked="",
        may_sell=await may_sell(services, course.author),
    )
    COURSE.decide(command, course)
    written = await writing.write(services, draft, course_id, request.user.id)
    asked = salted(written.salt, body)
    return msgspec.structs.replace(command, content=written.content, asked=asked)


submit_course = asks(
    "submit",
    commands.SubmitCourse,
    CourseIncomplete,
    CourseStatusConflict,
    operation_id="submitCourse",
    summary="Submit a course for review",
    description="With a description and an item at least.",
    done="It is in review",
    by_caller=True,
)


@post(
    "/api/courses/{course_id:str}/publish",
    operation_id="publishCourse",
    summary="Publish a course",
    tags=TAGS,
    status_code=200,
    opt={IDEMPOTENT: True},
    response_description="It is listed and sold",
    responses=responses(NotFound, CourseStatusConflict, SellingNotInPlan),
)
async def publish_course(
    course_id: FromPath[str],
    data: JSONBody[OfCourse],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[CourseStanding]:
    """Once it is approved. One with a price needs the feature `sell_courses`."""

    async def command(**fields: Any) -> Command:
        allowed = await may_sell(services, request.user.id)
        return commands.PublishCourse(**fields, user_id=request.user.id, may_sell=allowed)

    return await moved(services, request, course_id, (idempotency_key, data), command)


@post(
    "/api/courses/{course_id:str}/archive",
    operation_id="archiveCourse",
    summary="Take a course off the list",
    tags=TAGS,
    status_code=200,
    opt={IDEMPOTENT: True},
    response_description="It is archived",
    responses=responses(NotFound, CourseStatusConflict, ReasonRequired),
)
async def archive_course(
    course_id: FromPath[str],
    data: JSONBody[ArchiveCourse],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[CourseStanding]:
    """No longer sold; who bought it keeps it. An admin takes somebody else's down, for an admin to bring
    back.
    """

    async def command(**fields: Any) -> Command:
        course, _ = await own(services, request, course_id, or_admin=True)
        by_admin = course.author != request.user.id
        return commands.ArchiveCourse(
            **fields, user_id=request.user.id, by_admin=by_admin, reason=data.reason
        )

    return await moved(services, request, course_id, (idempotency_key, data), command)


@post(
    "/api/courses/{course_id:str}/unarchive",
    operation_id="unarchiveCourse",
    summary="Bring a course back",
    tags=TAGS,
    status_code=200,
    opt={IDEMPOTENT: True},
    response_description="It is listed and sold again",
    responses=responses(NotFound, CourseIncomplete, CourseStatusConflict, TakenDown, SellingNotInPlan),
)
async def unarchive_course(
    course_id: FromPath[str],
    data: JSONBody[OfCourse],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[CourseStanding]:
    """Its author what they archived, an admin what an admin took down."""

    async def command(**fields: Any) -> Command:
        course, _ = await own(services, request, course_id, or_admin=True)
        by_admin = course.author != request.user.id or (is_admin(request) and course.taken_down)
        return commands.UnarchiveCourse(
            **fields,
            user_id=request.user.id,
            by_admin=by_admin,
            may_sell=await may_sell(services, course.author),
        )

    return await moved(services, request, course_id, (idempotency_key, data), command)


HANDLERS = (
    upload_course,
    revise_course,
    submit_course,
    publish_course,
    archive_course,
    unarchive_course,
)
