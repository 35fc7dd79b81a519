"""The questions that lists of reviews ask of the tables, each in the order of one index."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any, Literal, LiteralString

from psycopg.sql import SQL, Composed

from api.courses.search import Order
from api.http.paging import LARGEST
from api.reads import rows_of
from api.reviews.resources import WordedReview
from ledger.store.batched_queries import Connection
from projections.reviews import REVIEWS

Sort = Literal["newest", "helpful", "rating"]
Which = Literal["visible", "hidden", "own", "any"]

ORDERS: Mapping[Sort, Order] = {
    "newest": Order("position < %(after_0)s", "position DESC", (LARGEST,)),
    "helpful": Order(
        "(helpful, position) < (%(after_0)s, %(after_1)s)", "helpful DESC, position DESC", (LARGEST, LARGEST)
    ),
    "rating": Order(
        "(rating, position) < (%(after_0)s, %(after_1)s)", "rating DESC, position DESC", (LARGEST, LARGEST)
    ),
}
_WHICH: Mapping[Which, LiteralString] = {
    "visible": "r.course_id = %(course_id)s AND r.visible",
    "hidden": "r.course_id = %(course_id)s AND r.hidden",
    "own": "r.course_id = %(course_id)s AND r.learner_id = %(learner_id)s",
    "any": "(%(course_id)s::text IS NULL OR r.course_id = %(course_id)s) AND (r.hidden OR NOT %(hidden)s)",
}
_LISTED = """
    SELECT {columns}, text, reply
    FROM (
        SELECT r.*, w.text, a.text AS reply
        FROM {table} AS r
        LEFT JOIN review_words AS w USING (words_id)
        LEFT JOIN review_words AS a ON a.words_id = r.reply_words_id
        WHERE {which}
    ) AS found
    WHERE {after}
    ORDER BY {order}
    LIMIT %(limit)s
"""


@functools.cache
def listed_query(which: Which, sort: Sort) -> Composed:
    order = ORDERS[sort]
    return REVIEWS.compose(
        _LISTED,
        which=SQL(_WHICH[which]).format(),
        after=SQL(order.after).format(),
        order=SQL(order.by).format(),
    )


async def listed(
    connection: Connection, which: Which, sort: Sort, after: Sequence[int], arguments: Mapping[str, Any]
) -> list[WordedReview]:
    """`arguments`: what `which` is about, and the limit."""
    places = {f"after_{number}": part for number, part in enumerate(after)}
    found = await (await connection.execute(listed_query(which, sort), {**arguments, **places})).fetchall()
    rows = rows_of(REVIEWS, (values[:-2] for values in found))
    return [WordedReview(row, *values[-2:]) for row, values in zip(rows, found, strict=True)]


def key_of(one: WordedReview, sort: Sort) -> tuple[int, ...]:
    """What orders it among the others."""
    match sort:
        case "newest":
            return (one.row.position,)
        case "helpful":
            return (one.row.helpful, one.row.position)
        case "rating":
            return (one.row.rating, one.row.position)


_PLACE = "SELECT course_id, learner_id FROM reviews WHERE review_id = %s"


async def place_of(connection: Connection, review_id: str) -> tuple[str, str] | None:
    """Of which course it is, and whose; None when there is no such review."""
    row = await (await connection.execute(_PLACE, (review_id,))).fetchone()
    return None if row is None else (row[0], row[1])
