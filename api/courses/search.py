"""The questions that lists of courses ask of the tables, each in the order of one index.

A course has its place by its first publication, which never changes, so that pages neither repeat nor skip
while others are published. Words are looked for as they are written and as the language has them.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any, Literal, LiteralString

import msgspec
from psycopg.sql import SQL, Composed

from api.courses.words import Words
from api.http.auth import Principal
from api.reads import rows_of, select
from ledger.courses.content import CourseContent
from ledger.enrolments.stream import stream_of
from ledger.errors import NotFound
from ledger.store.batched_queries import Connection
from projections.courses.course import COURSES, CourseRow

Sort = Literal["newest", "price", "price_desc", "rating", "popularity", "relevance"]

CANDIDATES = 1_000
"""So many of those that fit, the newest, are compared by relevance: to rank one takes some 20 µs, and a
frequent word may be in any number."""

FITTING = SQL("""
    c.status = 'published'
    AND w.title IS NOT NULL
    AND (%(category)s::text IS NULL OR c.category = %(category)s)
    AND (%(level)s::text IS NULL OR c.level = %(level)s)
    AND (%(language)s::text IS NULL OR c.language = %(language)s)
    AND (%(free)s::boolean IS NULL OR c.free = %(free)s)
    AND (%(featured)s::boolean IS NULL OR (c.featured_at IS NOT NULL) = %(featured)s)
    AND (%(instructor)s::text IS NULL OR c.instructors @> ARRAY[%(instructor)s::text])
    AND (%(currency)s::text IS NULL OR c.currency = %(currency)s)
    AND (%(min_price)s::bigint IS NULL OR c.price_minor >= %(min_price)s)
    AND (%(max_price)s::bigint IS NULL OR c.price_minor <= %(max_price)s)
    AND (%(min_rating)s::bigint IS NULL OR c.rating_key >= %(min_rating)s)
""").format()
_WORDS = SQL("""(
    websearch_to_tsquery('simple', %(words)s) || websearch_to_tsquery(%(config)s::regconfig, %(words)s)
)""").format()
_FOUND = SQL("w.search @@ {words}").format(words=_WORDS)
_ANY = SQL("true").format()

_LISTED = """
    SELECT {columns}, title, 0::bigint, 0::bigint
    FROM (
        SELECT c.*, w.title
        FROM {table} AS c
        JOIN course_words AS w USING (words_id)
        WHERE {fitting} AND {found}
    ) AS fitting
    WHERE {after}
    ORDER BY {order}
    LIMIT %(limit)s
"""
_RANKED = """
    SELECT {columns}, title, rank, newest
    FROM (
        SELECT *, max(published_position) OVER () AS newest,
            (ts_rank_cd(search, {words}) * 1000000)::bigint AS rank  -- a cursor has whole numbers
        FROM (
            SELECT c.*, w.title, w.search
            FROM {table} AS c
            JOIN course_words AS w USING (words_id)
            WHERE {fitting} AND {found} AND c.published_position <= %(after_0)s
            ORDER BY c.published_position DESC
            LIMIT {candidates}
        ) AS candidates
    ) AS ranked
    WHERE {after}
    ORDER BY {order}
    LIMIT %(limit)s
"""


class Order(msgspec.Struct, frozen=True):
    """`first` is what the first page comes after, by type and by value."""

    after: LiteralString
    by: LiteralString
    first: tuple[int, ...]


_LAST = 2**63 - 1
ORDERS: Mapping[Sort, Order] = {
    "newest": Order("published_position < %(after_0)s", "published_position DESC", (_LAST,)),
    "price": Order(
        "(price_minor, published_position) > (%(after_0)s, %(after_1)s)",
        "price_minor, published_position",
        (-1, -1),
    ),
    "price_desc": Order(
        "(price_minor, published_position) < (%(after_0)s, %(after_1)s)",
        "price_minor DESC, published_position DESC",
        (_LAST, _LAST),
    ),
    "rating": Order(
        "(rating_key, rating_count, published_position) < (%(after_0)s, %(after_1)s, %(after_2)s)",
        "rating_key DESC, rating_count DESC, published_position DESC",
        (_LAST, _LAST, _LAST),
    ),
    "popularity": Order(
        "(learners, published_position) < (%(after_0)s, %(after_1)s)",
        "learners DESC, published_position DESC",
        (_LAST, _LAST),
    ),
    "relevance": Order(
        "(rank, published_position) < (%(after_1)s, %(after_2)s)",
        "rank DESC, published_position DESC",
        (_LAST, _LAST, _LAST),
    ),
}


class Listed(msgspec.Struct, frozen=True):
    row: CourseRow
    title: str
    rank: int
    newest: int
    """The place of the newest of those that are compared by relevance: later pages compare the same."""

    def key(self, sort: Sort) -> tuple[int, ...]:
        """What orders it among the others."""
        place = self.row.published_position
        assert place is not None, "it is published"
        match sort:
            case "newest":
                return (place,)
            case "price" | "price_desc":
                return (self.row.price_minor, place)
            case "rating":
                return (self.row.rating_key, self.row.rating_count, place)
            case "popularity":
                return (self.row.learners, place)
            case "relevance":
                return (self.newest, self.rank, place)


@functools.cache
def listed_query(sort: Sort, *, words: bool) -> Composed:
    order = ORDERS[sort]
    return COURSES.compose(
        _RANKED if sort == "relevance" else _LISTED,
        fitting=FITTING,
        found=_FOUND if words else _ANY,
        words=_WORDS,
        candidates=SQL("{}").format(CANDIDATES),
        after=SQL(order.after).format(),
        order=SQL(order.by).format(),
    )


async def listed(
    connection: Connection, sort: Sort, after: Sequence[int], arguments: Mapping[str, Any]
) -> list[Listed]:
    """`arguments`: filters, each null when it is not asked for, the limit, and how to read the words."""
    places = {f"after_{number}": part for number, part in enumerate(after)}
    query = listed_query(sort, words=arguments["words"] is not None)
    found = await (await connection.execute(query, {**arguments, **places})).fetchall()
    rows = rows_of(COURSES, (values[:-3] for values in found))
    return [Listed(row, *values[-3:]) for row, values in zip(rows, found, strict=True)]


class FullCourse(msgspec.Struct, frozen=True):
    """A course with what stands beside its row."""

    row: CourseRow
    content: CourseContent
    words: Words | None


_ONE = """
    SELECT {columns}, content, title, description, item_titles
    FROM (
        SELECT c.*, r.content, w.title, w.description, w.item_titles
        FROM {table} AS c
        JOIN course_revisions AS r USING (course_id, revision)
        LEFT JOIN course_words AS w USING (words_id)
        WHERE c.course_id = %s
    ) AS one
"""
_FULL = select(_ONE, COURSES)


async def full(connection: Connection, course_id: str) -> FullCourse | None:
    found = await (await connection.execute(_FULL, (course_id,))).fetchone()
    if found is None:
        return None
    *columns, content, title, description, item_titles = found
    (row,) = rows_of(COURSES, [tuple(columns)])
    words = None if title is None else Words(title=title, description=description, item_titles=item_titles)
    return FullCourse(row, msgspec.convert(content, CourseContent), words)


async def seen(connection: Connection, course_id: str, caller: Principal | None) -> tuple[FullCourse, bool]:
    """As `caller` may see it, and whether as one of its own people or an admin. Raises `NotFound` where they
    may not. By the same rules as `api/courses/seeing.py`.
    """
    course = await full(connection, course_id)
    if course is not None:
        own = {course.row.author, *course.row.instructors}
        inside = caller is not None and (caller.id in own or "admin" in caller.roles)
        if inside or (course.row.status == "published" and course.words is not None):
            return course, inside
        if caller is not None and caller.id in course.row.invited:
            return course, False
        if caller is not None and await _is_learner(connection, course_id, caller.id):
            return course, False
    raise NotFound(f"There is no course {course_id}.")


_LEARNER = """
    SELECT 1 FROM enrolments
    WHERE stream = %s AND (activated_at IS NOT NULL OR status IN ('reserved', 'revoked'))
"""


async def _is_learner(connection: Connection, course_id: str, user_id: str) -> bool:
    """Whether they have the course, had it, or are about to."""
    found = await connection.execute(_LEARNER, (stream_of(course_id, user_id),))
    return await found.fetchone() is not None


_OWN = """
    SELECT {columns}, title
    FROM (
        SELECT c.*, w.title
        FROM {table} AS c
        LEFT JOIN course_words AS w USING (words_id)
        WHERE (
                %(author)s::text IS NULL OR c.author = %(author)s OR c.instructors @> ARRAY[%(author)s::text]
            )
            AND (%(invited)s::text IS NULL OR c.invited @> ARRAY[%(invited)s::text])
            AND (%(status)s::text IS NULL OR c.status = %(status)s)
            AND c.position < %(before)s
        ORDER BY c.position DESC
        LIMIT %(limit)s
    ) AS own
    ORDER BY position DESC
"""
_OF_AUTHOR = select(_OWN, COURSES)


async def of_author(
    connection: Connection, arguments: Mapping[str, Any]
) -> list[tuple[CourseRow, str | None]]:
    """That `author` wrote or teaches, or somebody is `invited` to; the newest first, whatever their status.
    Of everybody when both are null.
    """
    found = await (await connection.execute(_OF_AUTHOR, arguments)).fetchall()
    rows = rows_of(COURSES, (values[:-1] for values in found))
    return [(row, values[-1]) for row, values in zip(rows, found, strict=True)]
