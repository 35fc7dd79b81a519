"""What a learner has, had, or is about to have."""

from __future__ import annotations

from typing import Any

from litestar import Request, get
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromQuery

from api.enrolments.resources import Enrolment, Gift, enrolment_of, gift_of
from api.http.auth import Principal
from api.http.body import WhoseParameter
from api.http.owner import is_admin
from api.http.paging import Cursor, Limit, Page
from api.http.responses import NOT_MODIFIED_SPEC, Read
from api.reads import newest_first, select
from api.services import Services
from ledger.enrolments.state import EnrolmentStatus
from ledger.errors import Forbidden
from projections.enrolments import ENROLMENTS

_OF_LEARNER = """
    SELECT {columns}
    FROM {table}
    WHERE learner_id = %(user_id)s
        AND position < %(before)s
        AND status <> ''
        AND (%(status)s::text IS NULL OR status = %(status)s)
    ORDER BY position DESC
    LIMIT %(limit)s
"""
_OF_ALL = _OF_LEARNER.replace("learner_id = %(user_id)s", "true")
_OF_GIVER = """
    SELECT {columns}
    FROM {table}
    WHERE buyer_id = %(user_id)s
        AND buyer_id <> learner_id
        AND position < %(before)s
        AND status <> ''
    ORDER BY position DESC
    LIMIT %(limit)s
"""
_GIVEN = select(_OF_GIVER, ENROLMENTS)
_LEARNERS, _ALL = select(_OF_LEARNER, ENROLMENTS), select(_OF_ALL, ENROLMENTS)


@get(
    "/api/enrolments",
    operation_id="listEnrolments",
    summary="List enrolments",
    tags=["enrolments"],
    responses=NOT_MODIFIED_SPEC,
)
async def list_enrolments(
    request: Request[Principal, Any, State],
    services: NamedDependency[Services],
    cursor: Cursor = None,
    limit: Limit = 20,
    status: FromQuery[EnrolmentStatus | None] = None,
    user_id: WhoseParameter = None,
) -> Read[Page[Enrolment]]:
    """The caller's as a learner, newest first, one for each course; an admin's are everybody's."""
    if not is_admin(request) and user_id not in {None, request.user.id}:
        raise Forbidden("Only an admin may list another user's enrolments.")
    of = user_id if is_admin(request) else request.user.id
    filters = {"user_id": of, "status": status}
    query = _ALL if of is None else _LEARNERS
    return await newest_first(
        services.reads, query, ENROLMENTS, filters, enrolment_of, cursor=cursor, limit=limit
    )


@get(
    "/api/enrolments/given",
    operation_id="listGifts",
    summary="List courses that one gave",
    tags=["enrolments"],
    responses=NOT_MODIFIED_SPEC,
)
async def list_gifts(
    request: Request[Principal, Any, State],
    services: NamedDependency[Services],
    cursor: Cursor = None,
    limit: Limit = 20,
) -> Read[Page[Gift]]:
    """To other users, newest first. One whose place another purchase took is told by its payment alone."""
    filters = {"user_id": request.user.id}
    return await newest_first(
        services.reads, _GIVEN, ENROLMENTS, filters, gift_of, cursor=cursor, limit=limit
    )


HANDLERS = (list_enrolments, list_gifts)
