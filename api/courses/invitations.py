"""Teaching another's course: invitations, and what becomes of them."""

from __future__ import annotations

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from api.courses import search
from api.courses.deciding import TAGS, Call, OfCourse, moved
from api.courses.resources import ERASED, CourseStanding, Invitation
from api.http.body import IdempotencyKey
from api.http.paging import Cursor, Limit, Page, before, page
from api.http.preconditions import IDEMPOTENT
from api.http.promises import responses
from api.http.responses import NOT_MODIFIED_SPEC, Read
from api.services import Services
from ledger.courses.commands import AcceptInvitation, LeaveCourse
from ledger.courses.decider import COURSE
from ledger.courses.refusals import AuthorStays
from ledger.courses.stream import stream_of
from ledger.errors import NotFound


@get(
    "/api/instructor/invitations",
    operation_id="listInvitations",
    summary="Invitations to teach",
    tags=TAGS,
    responses=NOT_MODIFIED_SPEC,
)
async def list_invitations(
    request: Call, services: NamedDependency[Services], cursor: Cursor = None, limit: Limit = 20
) -> Read[Page[Invitation]]:
    """The caller's, that are neither accepted nor declined."""
    user_id = request.user.id
    arguments = {
        "author": None,
        "invited": user_id,
        "status": None,
        "before": before(cursor),
        "limit": limit + 1,
    }
    async with services.reading() as connection:
        found = await search.of_author(connection, arguments)
    shown = [
        Invitation(
            course_id=row.course_id,
            author=row.author,
            title=ERASED if title is None else title,
            status=row.status,
            part_bp=await _part_of(services, row.course_id, user_id),
            position=row.position,
        )
        for row, title in found
    ]
    return Read(page(shown, limit, lambda one: (one.position,)))


async def _part_of(services: Services, course_id: str, user_id: str) -> int:
    """0 where the author has thought better of it since."""
    course = await services.store.state(COURSE, stream_of(course_id))
    return next((one.part_bp for one in course.named if one.user_id == user_id), 0)


@post(
    "/api/courses/{course_id:str}/invitation/accept",
    operation_id="acceptInvitation",
    summary="Accept to teach a course",
    tags=TAGS,
    status_code=200,
    opt={IDEMPOTENT: True},
    response_description="The caller is one of its instructors",
    responses=responses(NotFound),
)
async def accept_invitation(
    course_id: FromPath[str],
    data: JSONBody[OfCourse],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[CourseStanding]:
    """From now on the caller has their part of what is sold. A review that they wrote of it counts no more,
    for good.
    """
    asked = (idempotency_key, data)
    return await moved(services, request, course_id, asked, AcceptInvitation, user_id=request.user.id)


@post(
    "/api/courses/{course_id:str}/invitation/decline",
    operation_id="declineInvitation",
    summary="Decline to teach a course",
    tags=TAGS,
    status_code=200,
    opt={IDEMPOTENT: True},
    response_description="The part is the author's",
    responses=responses(NotFound, AuthorStays),
)
async def decline_invitation(
    course_id: FromPath[str],
    data: JSONBody[OfCourse],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[CourseStanding]:
    """As `POST /api/courses/{course_id}/leave`, for who never taught it."""
    asked = (idempotency_key, data)
    return await moved(services, request, course_id, asked, LeaveCourse, user_id=request.user.id)


@post(
    "/api/courses/{course_id:str}/leave",
    operation_id="leaveCourse",
    summary="Teach a course no longer",
    tags=TAGS,
    status_code=200,
    opt={IDEMPOTENT: True},
    response_description="The caller is none of its instructors",
    responses=responses(NotFound, AuthorStays),
)
async def leave_course(
    course_id: FromPath[str],
    data: JSONBody[OfCourse],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[CourseStanding]:
    """Their part of what is sold from now on is the author's; what was sold stays as it was agreed."""
    asked = (idempotency_key, data)
    return await moved(services, request, course_id, asked, LeaveCourse, user_id=request.user.id)


HANDLERS = (list_invitations, accept_invitation, decline_invitation, leave_course)
