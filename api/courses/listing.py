"""Finding courses: the public list, one of them, and an author's own."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any

from litestar import Request, get
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter

from api.courses import search, similar
from api.courses.deciding import TAGS
from api.courses.resources import (
    CourseDetail,
    FoundCourses,
    Level,
    OwnCourse,
    detail_of,
    own_of,
    summary_of,
)
from api.courses.search import ORDERS, Sort
from api.courses.words import config_of
from api.http.auth import Principal
from api.http.body import CurrencyFilter, WhoseParameter, currency_of, known_shape
from api.http.owner import is_admin
from api.http.paging import Cursor, Limit, Page, before, before_key, page
from api.http.problems import FieldError, PositionNotReached, TooSlow, Unprocessable
from api.http.promises import responses
from api.http.responses import NOT_MODIFIED_SPEC, Read
from api.services import Services
from api.words import CATEGORY, LANGUAGE, NO_NUL, RATING
from ledger.courses.content import CATEGORY_MAX
from ledger.courses.decider import COURSE
from ledger.courses.state import CourseStatus
from ledger.courses.stream import stream_of
from ledger.errors import Forbidden, NotFound
from projections.courses.learners import RATING_SCALE

Asked = Request[Principal | None, Any, State]
PUBLIC = (Unprocessable, PositionNotReached, TooSlow)
"""What a public read can meet beside what any request can: its query is read as strictly as others."""
DEFAULT_LANGUAGE = "en"
"""Whose stems words are looked for by, beside as they are written, when no language is asked for."""

PriceFilter = Annotated[
    int | None,
    QueryParameter(ge=0, le=999_999_999_999, description="In minor units of `currency`, which it needs."),
]


@get(
    "/api/courses/list",
    operation_id="listCourses",
    summary="Find courses",
    tags=TAGS,
    responses=responses(*PUBLIC) | NOT_MODIFIED_SPEC,
)
async def list_courses(  # noqa: PLR0913, PLR0917  one for each query parameter
    services: NamedDependency[Services],
    cursor: Cursor = None,
    limit: Limit = 20,
    q: Annotated[
        str | None,
        QueryParameter(
            min_length=1,
            max_length=200,
            pattern=NO_NUL,
            description='Words of title, description and items, as in a web search: `"whole phrase"`, `or`, '
            "`-without`.",
        ),
    ] = None,
    sort: Annotated[
        Sort | None,
        QueryParameter(
            description="Left out: `relevance` where there is `q`, else `newest`. Relevance compares the "
            f"newest {search.CANDIDATES:,} that fit; where none does, titles that resemble `q`, on one page."
        ),
    ] = None,
    category: Annotated[str | None, QueryParameter(max_length=CATEGORY_MAX, pattern=CATEGORY)] = None,
    level: FromQuery[Level | None] = None,
    language: Annotated[
        str | None, QueryParameter(pattern=LANGUAGE, description="BCP 47, exactly as the course has it.")
    ] = None,
    currency: CurrencyFilter = None,
    min_price: PriceFilter = None,
    max_price: PriceFilter = None,
    min_rating: Annotated[
        str | None, QueryParameter(pattern=RATING, description="Stars on the average, at least.")
    ] = None,
    free: FromQuery[bool | None] = None,
    featured: FromQuery[bool | None] = None,
    instructor: Annotated[
        str | None, QueryParameter(min_length=1, max_length=128, pattern=NO_NUL, description="A user's id.")
    ] = None,
) -> Read[FoundCourses]:
    """What is published, and not erased. Pages neither repeat nor skip while new courses come; by rating or
    popularity, one whose own changes meanwhile may be shown twice or not at all.
    """
    chosen: Sort = sort or ("relevance" if q else "newest")
    _check(chosen, q, currency, min_price, max_price)
    arguments = {
        "words": q,
        "config": config_of(language or DEFAULT_LANGUAGE),
        "category": category,
        "level": level,
        "language": language,
        "currency": None if currency is None else currency_of(currency),
        "min_price": min_price,
        "max_price": max_price,
        "min_rating": None if min_rating is None else int(Decimal(min_rating) * RATING_SCALE),
        "free": free,
        "featured": featured,
        "instructor": instructor,
        "limit": limit + 1,
    }
    after = before_key(cursor, ORDERS[chosen].first)
    async with services.reading() as connection:
        found = await search.listed(connection, chosen, after, arguments)
        forgiven = chosen == "relevance" and cursor is None and not found
        if forgiven:
            found = (await similar.listed(connection, arguments))[:limit]
    return Read(_shown(page(found, limit, lambda one: one.key(chosen)), forgiven=forgiven))


def _shown(found: Page[search.Listed], *, forgiven: bool) -> FoundCourses:
    return FoundCourses(
        items=[summary_of(one.row, one.title) for one in found.items],
        has_more=found.has_more,
        next_cursor=found.next_cursor,
        forgiven=forgiven and bool(found.items),
    )


def _check(
    sort: Sort, q: str | None, currency: str | None, min_price: int | None, max_price: int | None
) -> None:
    """Prices compare within one currency only, and nothing is relevant to no words."""
    errors = []
    if currency is None and (sort in {"price", "price_desc"} or (min_price, max_price) != (None, None)):
        errors.append(FieldError(detail="is required, as prices compare in one only", parameter="currency"))
    if sort == "relevance" and q is None:
        errors.append(FieldError(detail="is required to sort by relevance to it", parameter="q"))
    if min_price is not None and max_price is not None and min_price > max_price:
        errors.append(FieldError(detail="must not be more than `max_price`", parameter="min_price"))
    if errors:
        raise Unprocessable.at(*errors)


@get(
    "/api/courses/{course_id:str}",
    operation_id="getCourse",
    summary="One course",
    tags=TAGS,
    responses=responses(NotFound, *PUBLIC) | NOT_MODIFIED_SPEC,
)
async def get_course(
    course_id: FromPath[str], request: Asked, services: NamedDependency[Services]
) -> Read[CourseDetail]:
    """For everybody while it is published, else for who teaches it, who has or had it, and admins."""
    known_shape(course_id, "crs_")
    async with services.reading() as connection:
        full, inside = await search.seen(connection, course_id, request.scope["user"])
    course = await services.store.state(COURSE, stream_of(course_id))
    return Read(detail_of(full.row, full.content, full.words, course if inside else None))


@get(
    "/api/instructor/courses",
    operation_id="listOwnCourses",
    summary="An instructor's own courses",
    tags=TAGS,
    responses=NOT_MODIFIED_SPEC,
)
async def list_own_courses(
    request: Request[Principal, Any, State],
    services: NamedDependency[Services],
    cursor: Cursor = None,
    limit: Limit = 20,
    status: FromQuery[CourseStatus | None] = None,
    user_id: WhoseParameter = None,
) -> Read[Page[OwnCourse]]:
    """That the caller wrote or teaches, drafts included, newest first; an admin's are everybody's."""
    if not is_admin(request) and user_id not in {None, request.user.id}:
        raise Forbidden("Only an admin may list another author's courses.")
    arguments = {
        "author": user_id if is_admin(request) else request.user.id,
        "invited": None,
        "status": status,
        "before": before(cursor),
        "limit": limit + 1,
    }
    async with services.reading() as connection:
        found = await search.of_author(connection, arguments)
    shown = [own_of(row, title) for row, title in found]
    return Read(page(shown, limit, lambda course: (course.position,)))


HANDLERS = (list_courses, get_course, list_own_courses)
