"""Disputes of payments and of subscriptions' invoices in one list, and which of them wait for an answer."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec
from psycopg import AsyncConnection
from psycopg.rows import class_row

SOON = timedelta(days=3)
"""Evidence is gathered in some days; a dispute that nobody answers is lost."""


class DisputeFound(msgspec.Struct, frozen=True):
    dispute_id: str
    payment_id: str
    """Empty for a dispute of an invoice's charge, which has the next one."""
    invoice_id: str
    charge_id: str
    amount_minor: int
    currency: str
    reason: str
    status: str
    opened_at: datetime
    evidence_due_at: datetime | None
    position: int


class Waiting(msgspec.Struct, frozen=True):
    """Disputes and inquiries that need a response."""

    unanswered: int = 0
    soon: int = 0
    """Of those, due in the next days, or over already."""


_ALL = """
    SELECT dispute_id, payment_id, '' AS invoice_id, charge_id, amount_minor, currency, reason, status,
        opened_at, evidence_due_at, position
    FROM disputes
    UNION ALL
    SELECT dispute_id, '' AS payment_id, payment_id AS invoice_id, charge_id, amount_minor, currency, reason,
        status, opened_at, evidence_due_at, position
    FROM invoice_disputes
"""
_LISTED = f"""
    SELECT *
    FROM ({_ALL}) AS every
    WHERE position < %(before)s
        AND (%(dispute_id)s::text IS NULL OR dispute_id = %(dispute_id)s)
        AND (%(payment_id)s::text IS NULL OR payment_id = %(payment_id)s)
        AND (%(invoice_id)s::text IS NULL OR invoice_id = %(invoice_id)s)
        AND (%(status)s::text IS NULL OR status = %(status)s)
        AND (%(since)s::timestamptz IS NULL OR opened_at >= %(since)s)
        AND (%(until)s::timestamptz IS NULL OR opened_at < %(until)s)
        AND (%(due_before)s::timestamptz IS NULL OR evidence_due_at < %(due_before)s)
    ORDER BY position DESC
    LIMIT %(limit)s
"""  # noqa: S608  both parts are constants
_WAITING = f"""
    SELECT count(*)::int AS unanswered,
        (count(*) FILTER (WHERE evidence_due_at < %(soon)s))::int AS soon
    FROM ({_ALL}) AS every
    WHERE status IN ('needs_response', 'warning_needs_response')
"""  # noqa: S608  both parts are constants


async def disputes(
    conn: AsyncConnection[Any], filters: Mapping[str, Any], *, before: int, limit: int
) -> list[DisputeFound]:
    """The newest first. `filters` are `dispute_id`, `payment_id`, `invoice_id`, `status`, `due_before`,
    and `since` and `until`, between which they were opened.
    """
    names = ("dispute_id", "payment_id", "invoice_id", "status", "due_before", "since", "until")
    asked = {**dict.fromkeys(names), **filters, "before": before, "limit": limit}
    async with conn.cursor(row_factory=class_row(DisputeFound)) as cursor:
        await cursor.execute(_LISTED.encode(), asked)
        return await cursor.fetchall()


async def waiting(conn: AsyncConnection[Any], now: datetime) -> Waiting:
    async with conn.cursor(row_factory=class_row(Waiting)) as cursor:
        await cursor.execute(_WAITING.encode(), {"soon": now + SOON})
        return (await cursor.fetchall())[0]
