"""The reviews of a course, with its rating."""

from __future__ import annotations

from typing import Annotated, Any

from litestar import Request, get
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter

from api.courses import search as courses
from api.courses.ratings import rating_of
from api.http.auth import Principal
from api.http.body import known_shape
from api.http.paging import Cursor, Limit, before_key, page
from api.http.problems import PositionNotReached, TooSlow, Unprocessable
from api.http.promises import responses
from api.http.responses import NOT_MODIFIED_SPEC, Read
from api.reviews.resources import Review, Reviews
from api.reviews.search import ORDERS, Sort, key_of, listed
from api.services import Services
from ledger.errors import Forbidden, NotFound
from ledger.store.batched_queries import Connection


@get(
    "/api/courses/{course_id:str}/reviews",
    operation_id="listReviews",
    summary="The reviews of a course",
    tags=["reviews"],
    responses=responses(NotFound, Forbidden, Unprocessable, PositionNotReached, TooSlow) | NOT_MODIFIED_SPEC,
)
async def list_reviews(
    course_id: FromPath[str],
    request: Request[Principal | None, Any, State],
    services: NamedDependency[Services],
    cursor: Cursor = None,
    limit: Limit = 20,
    sort: FromQuery[Sort] = "newest",
    hidden: Annotated[bool, QueryParameter(description="Admins: those that are hidden, instead.")] = False,  # noqa: FBT002  a query parameter
) -> Read[Reviews]:
    """Of who has the course. Pages neither repeat nor skip while new ones come; by `helpful`, one whose votes
    change meanwhile may.
    """
    known_shape(course_id, "crs_")
    caller = request.scope["user"]
    if hidden and (caller is None or "admin" not in caller.roles):
        raise Forbidden("Only an admin sees what is hidden.")
    after = before_key(cursor, ORDERS[sort].first)
    about = {"course_id": course_id, "limit": limit + 1}
    async with services.reading() as connection:
        course, _ = await courses.seen(connection, course_id, caller)
        found = await listed(connection, "hidden" if hidden else "visible", sort, after, about)
        own = await _own(connection, course_id, caller)
    of_rows = page(found, limit, lambda one: key_of(one, sort))
    return Read(
        Reviews(
            items=[one.shown for one in of_rows.items],
            has_more=of_rows.has_more,
            next_cursor=of_rows.next_cursor,
            rating=rating_of(course.row),
            own=own,
        )
    )


async def _own(connection: Connection, course_id: str, caller: Principal | None) -> Review | None:
    if caller is None:
        return None
    about = {"course_id": course_id, "learner_id": caller.id, "limit": 1}
    found = await listed(connection, "own", "newest", ORDERS["newest"].first, about)
    return found[0].shown if found else None


HANDLERS = (list_reviews,)
