"""Courses whose titles resemble what was asked for, where no word of it was found: `pyton` means Python."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from psycopg.sql import SQL, Composed, Identifier

from api.courses.search import FITTING, Listed
from api.reads import rows_of
from ledger.store.batched_queries import Connection
from projections.courses.course import COURSES

CANDIDATES = 3_000
"""So many of those that fit, the newest, are compared: one takes some 10 µs, its title looked up."""
LEAST = 0.4
"""Of 1: the part of the trigrams that a title has in common. One wrong letter in six leaves 0.5."""

_WHERE = """
    SELECT n.nspname
    FROM pg_extension AS e
    JOIN pg_namespace AS n ON n.oid = e.extnamespace
    WHERE e.extname = 'pg_trgm'
"""
_SIMILAR = """
    SELECT {columns}, title
    FROM (
        SELECT *, {schema}.word_similarity(%(words)s, title) AS likeness
        FROM (
            SELECT c.*, w.title
            FROM {table} AS c
            JOIN course_words AS w USING (words_id)
            WHERE {fitting}
            ORDER BY c.published_position DESC
            LIMIT {candidates}
        ) AS candidates
    ) AS alike
    WHERE likeness >= {least}
    ORDER BY likeness DESC, published_position DESC
    LIMIT %(limit)s
"""


@functools.cache
def _query(schema: str) -> Composed:
    return COURSES.compose(
        _SIMILAR,
        schema=SQL("{}").format(Identifier(schema)),
        fitting=FITTING,
        candidates=SQL("{}").format(CANDIDATES),
        least=SQL("{}").format(LEAST),
    )


async def listed(connection: Connection, arguments: Mapping[str, Any]) -> list[Listed]:
    """As `search.listed`, the most alike first; nothing where the database has no pg_trgm."""
    schema = await (await connection.execute(_WHERE)).fetchone()
    if schema is None:
        return []
    found = await (await connection.execute(_query(schema[0]), arguments)).fetchall()
    rows = rows_of(COURSES, (values[:-1] for values in found))
    return [Listed(row, values[-1], 0, 0) for row, values in zip(rows, found, strict=True)]
