"""What many begin to learn just now."""

from __future__ import annotations

from datetime import UTC, date
from typing import Annotated

from litestar import get
from litestar.di import NamedDependency
from litestar.params import QueryParameter
from psycopg.sql import SQL

from api.courses.resources import CourseSummary, Trending, summary_of, trending_of
from api.http.problems import PositionNotReached, TooSlow, Unprocessable
from api.http.promises import responses
from api.http.responses import NOT_MODIFIED_SPEC, Read
from api.reads import rows_of
from api.services import Services
from ledger.store.batched_queries import Connection
from projections.courses.course import COURSES

CANDIDATES = 100
"""So many of each day, those with the most enrolments, are compared: a day may have any number."""

_TRENDING = COURSES.compose(
    """
    SELECT {columns}, title, enrolments
    FROM (
        SELECT c.*, w.title, week.enrolments
        FROM (
            SELECT candidate.course_id, (
                SELECT sum(enrolments)::bigint
                FROM course_days
                WHERE course_id = candidate.course_id AND day BETWEEN %(today)s::date - 6 AND %(today)s::date
            ) AS enrolments
            FROM (
                SELECT DISTINCT most.course_id
                FROM generate_series(0, 6) AS ago,
                LATERAL (
                    SELECT course_id
                    FROM course_days
                    WHERE day = %(today)s::date - ago
                    ORDER BY enrolments DESC, course_id
                    LIMIT {candidates}
                ) AS most
            ) AS candidate
        ) AS week
        JOIN {table} AS c USING (course_id)
        JOIN course_words AS w USING (words_id)
        WHERE week.enrolments > 0 AND c.status = 'published' AND w.title IS NOT NULL
    ) AS trending
    ORDER BY enrolments DESC, published_position DESC
    LIMIT %(limit)s
    """,
    candidates=SQL("{}").format(CANDIDATES),
)


@get(
    "/api/courses/trending",
    operation_id="listTrendingCourses",
    summary="Courses that many begin now",
    tags=["courses"],
    responses=responses(Unprocessable, PositionNotReached, TooSlow) | NOT_MODIFIED_SPEC,
)
async def list_trending(
    services: NamedDependency[Services],
    limit: Annotated[int, QueryParameter(ge=1, le=50, description="How many items at most.")] = 10,
) -> Read[Trending]:
    """By the enrolments of today and the six days before (UTC) that are still so; the most first."""
    async with services.reading() as connection:
        found = await trending(connection, services.now().astimezone(UTC).date(), limit)
    return Read(Trending(items=[trending_of(course, enrolments) for course, enrolments in found]))


async def trending(connection: Connection, today: date, limit: int) -> list[tuple[CourseSummary, int]]:
    """With the week's enrolments."""
    found = await (await connection.execute(_TRENDING, {"today": today, "limit": limit})).fetchall()
    rows = rows_of(COURSES, (values[:-2] for values in found))
    return [(summary_of(row, values[-2]), values[-1]) for row, values in zip(rows, found, strict=True)]


HANDLERS = (list_trending,)
