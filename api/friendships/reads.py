"""The questions that are asked of the table of friendships, each by the two indexes of its users."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, LiteralString

from psycopg.sql import SQL, Composed

from ledger.store.batched_queries import Connection
from projections.friendships import FRIENDSHIPS

Which = Literal["friends", "incoming", "outgoing", "blocked"]

_WHICH: Mapping[Which, LiteralString] = {
    "friends": "friends",
    "incoming": "asked_by NOT IN ('', %(user_id)s) AND NOT unheard",
    "outgoing": "asked_by = %(user_id)s",
    "blocked": "CASE lesser WHEN %(user_id)s THEN lesser_blocks ELSE greater_blocks END",
}
_LISTED = """
    SELECT {columns}
    FROM {table}
    WHERE (lesser = %(user_id)s OR greater = %(user_id)s) AND {which} AND position < %(before)s
    ORDER BY position DESC
    LIMIT %(limit)s
"""
LISTS: Mapping[Which, Composed] = {
    which: FRIENDSHIPS.compose(_LISTED, which=SQL(condition).format()) for which, condition in _WHICH.items()
}

_COUNTS = """
    SELECT count(*) FILTER (WHERE friends), count(*) FILTER (WHERE asked_by = %(user_id)s)
    FROM friendships
    WHERE lesser = %(user_id)s OR greater = %(user_id)s
"""


async def counts(connection: Connection, user_id: str) -> tuple[int, int]:
    """How many friends a user has, and how many of their requests are open."""
    row = await (await connection.execute(_COUNTS, {"user_id": user_id})).fetchone()
    return (row[0], row[1]) if row else (0, 0)
