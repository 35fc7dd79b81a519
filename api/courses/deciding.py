"""What all that is asked of a course has in common: whose it is, its command, where it stands after it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody
from msgspec import Meta

from api.courses.resources import CourseStanding, standing_of
from api.http.auth import Principal
from api.http.body import IdempotencyKey, known_shape
from api.http.owner import is_admin
from api.http.preconditions import IDEMPOTENT
from api.http.problems import OWN_MEMBERS, FieldError, Problem
from api.http.promises import Refusal, responses
from api.services import Services, origin_of
from api.submitting import Submitted
from api.subscriptions.entitlements import plan_of
from api.words import NO_NUL
from ledger.courses.content import CourseContent
from ledger.courses.decider import COURSE, REASON_MAX
from ledger.courses.refusals import CourseIncomplete, InvalidContent, RevisionConflict
from ledger.courses.state import Course
from ledger.courses.stream import stream_of
from ledger.errors import NotFound
from ledger.message import Command

Call = Request[Principal, Any, State]
TAGS = ["courses"]
SELL = "sell_courses"

Reason = Annotated[
    str,
    Meta(max_length=REASON_MAX, pattern=NO_NUL, description="Kept for ever: it must name nobody."),
]


class OfCourse(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An empty object: the address says it all."""


class RevisionProblem(Problem, kw_only=True):
    """`revision` is the present one."""

    revision: int


def _told_revision(error: RevisionConflict, said: Problem) -> Problem:
    return RevisionProblem(**msgspec.structs.asdict(said), revision=error.revision)


def _pointed(error: InvalidContent, said: Problem) -> Problem:
    pointer = "".join(f"/{step}" for step in error.at)
    return msgspec.structs.replace(said, errors=[FieldError(detail=error.detail, pointer=pointer)])


def _missing(error: CourseIncomplete, said: Problem) -> Problem:
    errors = [FieldError(detail="must not be empty", pointer=f"/{name}") for name in error.missing]
    return msgspec.structs.replace(said, errors=errors)


OWN_MEMBERS[RevisionConflict] = _told_revision
OWN_MEMBERS[InvalidContent] = _pointed
OWN_MEMBERS[CourseIncomplete] = _missing


async def moved(
    services: Services,
    request: Call,
    course_id: str,
    asked: tuple[str, msgspec.Struct],
    command: Callable[..., Command | Awaitable[Command]],
    **more: Any,
) -> Response[Any]:
    """`asked` is the key and the body; `command` gets the fields that all commands of a course have, and
    `more`. What must look something up for it is asynchronous.
    """
    known_shape(course_id, "crs_")
    key, body = asked

    async def work(command_id: str) -> Response[Any]:
        async def make() -> Command:
            fields = {"command_id": command_id, "effective_at": services.now(), "course_id": course_id}
            made = command(**fields, **more)
            return made if isinstance(made, Command) else await made

        return await stands(
            services, course_id, await services.submitter.submit_once(command_id, make, origin_of(request))
        )

    return await services.idempotency.run(request, key, body, work)


def asks(
    what: str,
    command: type[Command],
    *refused: Refusal,
    operation_id: str,
    summary: str,
    description: str,
    done: str,
    by_caller: bool = False,
) -> HTTPRouteHandler:
    """The route of a `command` of which its address, that ends with `what`, says all. `by_caller`: it has who
    asks as its `user_id`.
    """

    @post(
        f"/api/courses/{{course_id:str}}/{what}",
        operation_id=operation_id,
        summary=summary,
        description=description,
        tags=TAGS,
        status_code=200,
        opt={IDEMPOTENT: True},
        response_description=done,
        responses=responses(NotFound, *refused),
    )
    async def ask(
        course_id: FromPath[str],
        data: JSONBody[OfCourse],
        request: Call,
        services: NamedDependency[Services],
        idempotency_key: IdempotencyKey,
    ) -> Response[CourseStanding]:
        of_whom = {"user_id": request.user.id} if by_caller else {}
        return await moved(services, request, course_id, (idempotency_key, data), command, **of_whom)

    return ask


async def stands(services: Services, course_id: str, done: Submitted) -> Response[Any]:
    course = await services.store.state(COURSE, stream_of(course_id))
    assert course.content is not None, "it was found before"
    return Response(standing_of(course, course.content), status_code=200, headers=done.headers)


async def own(
    services: Services, request: Call, course_id: str, *, or_admin: bool = False
) -> tuple[Course, CourseContent]:
    """Raises `NotFound` for one that is somebody else's, or nobody's."""
    course = await services.store.state(COURSE, stream_of(course_id))
    theirs = course.author == request.user.id or (or_admin and is_admin(request))
    if course.content is None or not theirs:
        raise NotFound(f"There is no course {course_id}.")
    return course, course.content


async def may_sell(services: Services, author: str) -> bool:
    return (await plan_of(services, author, SELL)).allowed
