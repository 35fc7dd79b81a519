"""Which subscriptions are billed at Stripe by what is none of our plans. Reads; nothing is kept for it."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from psycopg import AsyncConnection, Connection
from psycopg.rows import class_row, tuple_row

COUNT: Final = """
    SELECT count(*) FROM subscriptions
    WHERE not_followed <> '' AND status NOT IN ('canceled', 'incomplete_expired', 'failed', 'duplicate')
"""
_FIRST: Final = """
    SELECT subscription_id, stripe_subscription_id, not_followed
    FROM subscriptions
    WHERE not_followed <> '' AND status NOT IN ('canceled', 'incomplete_expired', 'failed', 'duplicate')
    ORDER BY subscription_id
    LIMIT %s
"""


class BilledOtherwise(msgspec.Struct, frozen=True):
    subscription_id: str
    stripe_subscription_id: str
    not_followed: str


async def count_billed_otherwise(conn: AsyncConnection[Any]) -> int:
    async with conn.cursor(row_factory=tuple_row) as cursor:
        [(found,)] = await (await cursor.execute(COUNT)).fetchall()
    return int(found)


def billed_otherwise(conn: Connection[Any], most: int) -> list[BilledOtherwise]:
    with conn.cursor(row_factory=class_row(BilledOtherwise)) as cursor:
        return cursor.execute(_FIRST, (most,)).fetchall()
