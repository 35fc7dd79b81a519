"""Teaching another's course: invitations, and what becomes of them."""

from __future__ import annotations

from litestar import get
from litestar.di import NamedDependency

from api.courses import search
from api.courses.deciding import TAGS, Call, asks
from api.courses.resources import ERASED, Invitation
from api.http.paging import Cursor, Limit, Page, before, page
from api.http.responses import NOT_MODIFIED_SPEC, Read
from api.services import Services
from ledger.courses.commands import AcceptInvitation, LeaveCourse
from ledger.courses.decider import COURSE
from ledger.courses.refusals import AuthorStays
from ledger.courses.stream import stream_of


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


accept_invitation = asks(
    "invitation/accept",
    AcceptInvitation,
    operation_id="acceptInvitation",
    summary="Accept to teach a course",
    description="From now on the caller has their part of what is sold. A review that they wrote of it "
    "counts no more, for good.",
    done="The caller is one of its instructors",
    by_caller=True,
)

decline_invitation = asks(
    "invitation/decline",
    LeaveCourse,
    AuthorStays,
    operation_id="declineInvitation",
    summary="Decline to teach a course",
    description="As `POST /api/courses/{course_id}/leave`, for who never taught it.",
    done="The part is the author's",
    by_caller=True,
)

leave_course = asks(
    "leave",
    LeaveCourse,
    AuthorStays,
    operation_id="leaveCourse",
    summary="Teach a course no longer",
    description="Their part of what is sold from now on is the author's; what was sold stays as it was "
    "agreed.",
    done="The caller is none of its instructors",
    by_caller=True,
)

HANDLERS = (list_invitations, accept_invitation, decline_invitation, leave_course)
