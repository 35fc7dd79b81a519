"""What the tables say of an instructor's earnings."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from typing import Any

from ledger.earnings.balances import Day
from ledger.store.batched_queries import Connection

# what is available already is one day, so that an answer has no more of them than there are to come
_DAYS = """
    SELECT currency, greatest(available_on, %(on)s) AS day, sum(amount_minor)::bigint, sum(held_minor)::bigint
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


async def days_of(connection: Connection, user_id: str, on: date, until: date | None) -> dict[str, list[Day]]:
    """By currency, of all that happened up to the day `until`; what is available on `on` is of that day."""
    arguments = {"user_id": user_id, "on": on, "until": until}
    found = await (await connection.execute(_DAYS, arguments)).fetchall()
    days: defaultdict[str, list[Day]] = defaultdict(list)
    for currency, day, amount, held in found:
        days[currency].append(Day(day, amount, held))
    return days


async def titles_of(connection: Connection, course_ids: Iterable[str]) -> dict[str, str]:
    """Of those whose words are not erased."""
    found: list[tuple[Any, ...]] = await (
        await connection.execute(_TITLES, (sorted(set(course_ids)),))
    ).fetchall()
    return dict(found)
