"""What is learnt: reported, and shown."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar import Request, Response, get, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from msgspec import Meta

from api.courses.resources import UserId
from api.courses.seeing import seen_course
from api.enrolments.resources import EnrolmentDetail, Learnt, detail_of, learnt_of
from api.enrolments.starting import CourseLimitProblem, start
from api.http.auth import Principal
from api.http.body import IdempotencyKey, known_shape
from api.http.owner import is_admin, owner_of
from api.http.positions import find
from api.http.preconditions import IDEMPOTENT
from api.http.problems import OWN_MEMBERS, FieldError, Problem, Unprocessable
from api.http.promises import responses
from api.http.responses import NOT_MODIFIED_SPEC, Read
from api.reads import rows, select
from api.services import Services, origin_of
from api.submitting import Submitted
from api.subscriptions.entitlements import FeatureMissing, FeatureProblem
from api.words import NO_NUL
from ledger import permissions
from ledger.courses.content import ID_MAX, ITEMS_MAX
from ledger.enrolments.decider import ENROLMENT
from ledger.enrolments.learning.commands import ReportProgress, syllabus_of
from ledger.enrolments.learning.refusals import AccessEnded, LearningFrozen, UnknownItems, WrongMeasure
from ledger.enrolments.stream import stream_of
from ledger.errors import NotFound
from ledger.learners.refusals import CourseLimitReached
from projections.enrolments import ENROLMENTS, EnrolmentRow

Call = Request[Principal, Any, State]
TAGS = ["enrolments"]

ItemId = Annotated[str, Meta(min_length=1, max_length=ID_MAX, pattern=NO_NUL)]


class Report(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The items that are done, also those that were reported before. `percent` is for admins and services
    alone, and courses without items. `user_id`: admins and services, whose progress; else the caller's own.
    """

    items_done: Annotated[list[ItemId], Meta(min_length=1, max_length=ITEMS_MAX)] | None = None
    percent: Annotated[int, Meta(ge=0, le=100)] | None = None
    user_id: UserId | None = None


class UnknownItemsProblem(Problem, kw_only=True):
    """`items`: those that the course does not have."""

    items: list[str]


def _with_items(error: UnknownItems, said: Problem) -> Problem:
    return UnknownItemsProblem(**msgspec.structs.asdict(said), items=list(error.items))


OWN_MEMBERS[UnknownItems] = _with_items


@post(
    "/api/courses/{course_id:str}/progress",
    operation_id="reportProgress",
    summary="Report progress",
    tags=TAGS,
    status_code=200,
    opt={IDEMPOTENT: True},
    response_description="What the learner has done now",
    responses=responses(
        NotFound,
        AccessEnded,
        LearningFrozen,
        WrongMeasure,
        bodies={
            UnknownItems: UnknownItemsProblem,
            FeatureMissing: FeatureProblem,
            CourseLimitReached: CourseLimitProblem,
        },
    ),
)
async def report_progress(
    course_id: FromPath[str],
    data: JSONBody[Report],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[Learnt]:
    """Progress never falls. With the last item the course is completed, at its present revision, and stays
    so; its certificate is issued where the learner's plan has it. The first report starts a free course.
    """
    known_shape(course_id, "crs_")
    learner_id = owner_of(request, data.user_id, also="service")
    if (data.items_done is None) == (data.percent is None):
        raise Unprocessable.at(
            FieldError(detail="is required, or `percent` in its place", pointer="/items_done")
        )

    async def work(command_id: str) -> Response[Any]:
        async def make() -> ReportProgress:
            return await _report(services, request, course_id, learner_id, data, command_id)

        done = await services.submitter.submit_once(command_id, make, origin_of(request))
        return await _learnt(services, course_id, learner_id, done)

    return await services.idempotency.run(request, idempotency_key, data, work)


async def _report(
    services: Services, request: Call, course_id: str, learner_id: str, body: Report, command_id: str
) -> ReportProgress:
    """Refused, if it must be, before the course counts as started."""
    course = await seen_course(services, course_id, request.user)
    assert course.content is not None, "it is seen"
    command = ReportProgress(
        command_id=command_id,
        effective_at=services.now(),
        course_id=course_id,
        learner_id=learner_id,
        syllabus=syllabus_of(course.revision, course.content),
        items=tuple(body.items_done or ()),
        percent=body.percent,
    )
    permissions.check(command, origin_of(request))
    enrolment = await services.store.state(ENROLMENT, stream_of(course_id, learner_id))
    if ENROLMENT.decide(command, enrolment):
        await start(services, origin_of(request), enrolment, course_id, learner_id)
    return command


async def _learnt(services: Services, course_id: str, learner_id: str, done: Submitted) -> Response[Learnt]:
    enrolment = await services.store.state(ENROLMENT, stream_of(course_id, learner_id))
    return Response(learnt_of(enrolment, course_id, learner_id), status_code=200, headers=done.headers)


_BY_ID = select("SELECT {columns} FROM {table} WHERE enrolment_id = %s", ENROLMENTS)


@get(
    "/api/enrolments/{enrolment_id:str}",
    operation_id="getEnrolment",
    summary="One enrolment",
    tags=TAGS,
    responses=responses(NotFound) | NOT_MODIFIED_SPEC,
)
async def get_enrolment(
    enrolment_id: FromPath[str], request: Call, services: NamedDependency[Services]
) -> Read[EnrolmentDetail]:
    """With the items that are done, for its learner; who gave it sees that it is had, and none of those."""
    # one whose payment was taken up from Stripe has its id
    known_shape(enrolment_id, "pay_" if enrolment_id.startswith("pay_") else "enr_")

    async def look() -> EnrolmentRow | None:
        async with services.reading() as connection:
            found = await rows(connection, _BY_ID, ENROLMENTS, (enrolment_id,))
        return found[0] if found else None

    row = await find(look, services.positions)
    if row is None or not _may_see(request, row):
        raise NotFound(f"There is no enrolment {enrolment_id}.")
    enrolment = await services.store.state(ENROLMENT, row.stream)
    to_buyer = not is_admin(request) and request.user.id == row.buyer_id
    return Read(detail_of(row, enrolment.learning.of(enrolment_id), to_buyer=to_buyer))


def _may_see(request: Call, row: EnrolmentRow) -> bool:
    return is_admin(request) or request.user.id in {row.learner_id, row.buyer_id}


HANDLERS = (report_progress, get_enrolment)
