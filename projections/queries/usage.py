"""What was used of licences beyond their limits, and is on no invoice yet."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from psycopg import AsyncConnection
from psycopg.rows import class_row

from ledger.usage.metrics import LEVELS


class Beyond(msgspec.Struct, frozen=True):
    """Of one licence: metrics, and of each what was used, in the same order."""

    licence_id: str
    metrics: list[str]
    used: list[int]


_BEYOND = """
    WITH latest AS (
        SELECT DISTINCT ON (licence_id, metric)
            licence_id, metric, most, CASE WHEN month = %(month)s THEN peak ELSE used END AS used
        FROM usage_months
        WHERE month = %(month)s OR (month < %(month)s AND metric = ANY(%(levels)s))
        ORDER BY licence_id, metric, month DESC
    )
    SELECT licence_id, array_agg(metric ORDER BY metric) AS metrics, array_agg(used ORDER BY metric) AS used
    FROM latest
    JOIN licences USING (licence_id)
    WHERE used > most AND licence_id > %(after)s
        AND lapses_at > %(first)s AND (revoked_at IS NULL OR revoked_at > %(first)s)
        AND NOT EXISTS (
            SELECT FROM licence_invoices AS invoices
            WHERE invoices.licence_id = latest.licence_id AND kind = 'overage' AND period_start = %(first)s
        )
    GROUP BY licence_id
    ORDER BY licence_id
    LIMIT %(limit)s
"""
"""A level goes on from the month in which it was measured last, as long as the licence does."""


async def usage_beyond(
    conn: AsyncConnection[Any], month: str, first: datetime, limit: int, *, after: str = ""
) -> list[Beyond]:
    """In a month that began at `first`; by licence, from the one behind `after` on."""
    asked = {"month": month, "first": first, "levels": sorted(LEVELS), "after": after, "limit": limit}
    async with conn.cursor(row_factory=class_row(Beyond)) as cursor:
        await cursor.execute(_BEYOND, asked)
        return await cursor.fetchall()
