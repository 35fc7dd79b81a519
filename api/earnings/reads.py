"""What the tables say of an instructor's earnings."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from msgspec import Struct

from ledger.earnings.balances import Day, Out
from ledger.store.batched_queries import Connection

# what is available already is one day, so that an answer has no more of them than there are to come
_DAYS = """
    SELECT currency, greatest(available_on, %(on)s) AS day,
        sum(amount_minor)::bigint, sum(held_minor)::bigint,
        sum(reserved_minor)::bigint, sum(transferred_minor)::bigint
    FROM earnings_days
    WHERE user_id = %(user_id)s AND (%(until)s::date IS NULL OR happened_on <= %(until)s)
    GROUP BY currency, day
    ORDER BY currency, day
"""
_TITLES = """
    SELECT courses.course_id, title
    FROM courses
    JOIN course_words USING (words_id)
    WHERE courses.course_id = ANY(%s::text[])
"""


class Standing(Struct, frozen=True):
    """What an instructor has in one currency."""

    days: Sequence[Day]
    """In their order."""
    out: Out


async def standings_of(
    connection: Connection, user_id: str, on: date, until: date | None
) -> dict[str, Standing]:
    """By currency, of all that happened up to the day `until`; what is available on `on` is of that day."""
    arguments = {"user_id": user_id, "on": on, "until": until}
    found = await (await connection.execute(_DAYS, arguments)).fetchall()
    of: defaultdict[str, list[tuple[Day, int, int]]] = defaultdict(list)
    for currency, day, amount, held, reserved, transferred in found:
        of[currency].append((Day(day, amount, held), reserved, transferred))
    standings = {}
    for currency, rows in of.items():
        days, reserved, transferred = zip(*rows, strict=True)
        standings[currency] = Standing(days, Out(sum(reserved), sum(transferred)))
    return standings


async def titles_of(connection: Connection, course_ids: Iterable[str]) -> dict[str, str]:
    """Of those whose words are not erased."""
    found: list[tuple[Any, ...]] = await (
        await connection.execute(_TITLES, (sorted(set(course_ids)),))
    ).fetchall()
    return dict(found)
