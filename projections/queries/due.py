"""What the clock asks for: retries, dunning, days to close, free funds, reservations. Reads for the worker.

Each takes at most `limit` rows, those that wait longest first, and goes on behind `after`, the last row of
the page before. The tables may lag the ledger, so a row can turn up again; a command id made of it (say, of
the invoice and the date) makes that a repeat.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import msgspec
from psycopg import AsyncConnection
from psycopg.rows import class_row

from ledger.invoices.dunning import CANCEL_AFTER, UNPAID_AFTER

_EARLIEST = datetime.min.replace(tzinfo=UTC)


class RetryDue(msgspec.Struct, frozen=True):
    """An open invoice whose next attempt is due, and none is under way."""

    stripe_invoice_id: str
    at: datetime


class DunningDue(msgspec.Struct, frozen=True):
    """A subscription that is past due so long that it is unpaid, or must end."""

    subscription_id: str
    user_id: str
    status: str
    past_due_since: datetime


class OpenDays(msgspec.Struct, frozen=True):
    """Days of an invoice to close one after the other, both included. A day may turn out to earn nothing."""

    stripe_invoice_id: str
    first: date
    last: date


class FundsDue(msgspec.Struct, frozen=True):
    """An invoice whose charge Stripe no longer holds back."""

    stripe_invoice_id: str
    available_at: datetime
    charge_id: str
    """Of one that paid a part; empty for the one that settled it."""
    due_id: str
    """By which it is told from all others."""


class ReservationDue(msgspec.Struct, frozen=True):
    """A course that is held for somebody longer than it may be."""

    course_id: str
    learner_id: str
    enrolment_id: str
    expires_at: datetime
    stream: str


class PaymentDue(msgspec.Struct, frozen=True):
    """A payment that waits for its cardholder, and since when."""

    payment_id: str
    user_id: str
    initiated_at: datetime


class PageDue(msgspec.Struct, frozen=True):
    """A payment or subscription whose page at Stripe is over, and nobody has told what came of it."""

    what: str
    """`payment` or `subscription`."""
    id: str
    user_id: str
    at: datetime


class TokensDue(msgspec.Struct, frozen=True):
    """A user of whose tokens something has matured or expired, and since when."""

    user_id: str
    at: datetime


# What is owed on a subscription that is over stays open at Stripe; nobody is charged for it any more.
_RETRIES = """
    SELECT stripe_invoice_id, next_retry_at AS at
    FROM invoices
    WHERE next_retry_at <= %(now)s
        AND (next_retry_at, stripe_invoice_id) > (%(after)s, %(after_id)s)
        AND NOT EXISTS (
            SELECT FROM subscriptions
            WHERE subscriptions.subscription_id = invoices.subscription_id
                AND subscriptions.status IN ('canceled', 'incomplete_expired', 'duplicate')
        )
    ORDER BY next_retry_at, stripe_invoice_id
    LIMIT %(limit)s
"""


async def retries_due(
    conn: AsyncConnection[Any], now: datetime, limit: int, *, after: RetryDue | None = None
) -> list[RetryDue]:
    behind = {"after": after.at, "after_id": after.stripe_invoice_id} if after else _FROM_THE_START
    async with conn.cursor(row_factory=class_row(RetryDue)) as cursor:
        await cursor.execute(_RETRIES, {"now": now, "limit": limit, **behind})
        return await cursor.fetchall()


_DUNNING = """
    SELECT subscription_id, user_id, status, past_due_since
    FROM subscriptions
    WHERE (
            (status = 'past_due' AND past_due_since <= %(unpaid)s)
            OR (status IN ('past_due', 'unpaid') AND past_due_since <= %(cancel)s AND request = '')
        )
        AND past_due_since <= %(unpaid)s
        AND (past_due_since, subscription_id) > (%(after)s, %(after_id)s)
    ORDER BY past_due_since, subscription_id
    LIMIT %(limit)s
"""


async def due_for_dunning(
    conn: AsyncConnection[Any], now: datetime, limit: int, *, after: DunningDue | None = None
) -> list[DunningDue]:
    """Those whose cancellation is on its way to Stripe already are left out."""
    behind = {"after": after.past_due_since, "after_id": after.subscription_id} if after else _FROM_THE_START
    due = {"unpaid": now - UNPAID_AFTER, "cancel": now - CANCEL_AFTER, "limit": limit}
    async with conn.cursor(row_factory=class_row(DunningDue)) as cursor:
        await cursor.execute(_DUNNING, {**due, **behind})
        return await cursor.fetchall()


# Nothing is earned after the period, but what settled after it is earned on the day that it came in.
_OPEN_DAYS = """
    SELECT
        stripe_invoice_id,
        open_day AS first,
        greatest(open_day, least(%(until)s, (period_end AT TIME ZONE 'UTC')::date)) AS last
    FROM invoices
    WHERE open_day <= %(until)s
        AND (open_day, stripe_invoice_id) > (%(after)s, %(after_id)s)
    ORDER BY open_day, stripe_invoice_id
    LIMIT %(limit)s
"""


async def open_days(
    conn: AsyncConnection[Any], until: date, limit: int, *, after: OpenDays | None = None
) -> list[OpenDays]:
    """Of invoices with something deferred: the days up to `until` (included, UTC) that are to be closed."""
    behind = {
        "after": after.first if after else date.min,
        "after_id": after.stripe_invoice_id if after else "",
    }
    async with conn.cursor(row_factory=class_row(OpenDays)) as cursor:
        await cursor.execute(_OPEN_DAYS, {"until": until, "limit": limit, **behind})
        return await cursor.fetchall()


_FUNDS = """
    SELECT stripe_invoice_id, available_at, charge_id, due_id
    FROM (
        SELECT stripe_invoice_id, available_at, '' AS charge_id, stripe_invoice_id AS due_id
        FROM invoices
        WHERE NOT funds_available
        UNION ALL
        SELECT stripe_invoice_id, available_at, charge_id, charge_id AS due_id
        FROM invoice_parts
        WHERE NOT funds_available
    ) AS charges
    WHERE available_at <= %(now)s
        AND (available_at, due_id) > (%(after)s, %(after_id)s)
    ORDER BY available_at, due_id
    LIMIT %(limit)s
"""


async def funds_due(
    conn: AsyncConnection[Any], now: datetime, limit: int, *, after: FundsDue | None = None
) -> list[FundsDue]:
    behind = {"after": after.available_at, "after_id": after.due_id} if after else _FROM_THE_START
    async with conn.cursor(row_factory=class_row(FundsDue)) as cursor:
        await cursor.execute(_FUNDS, {"now": now, "limit": limit, **behind})
        return await cursor.fetchall()


_RESERVATIONS = """
    SELECT course_id, learner_id, enrolment_id, expires_at, stream
    FROM enrolments
    WHERE status = 'reserved'
        AND NOT expiring
        AND expires_at <= %(now)s
        AND (expires_at, stream) > (%(after)s, %(after_id)s)
    ORDER BY expires_at, stream
    LIMIT %(limit)s
"""


async def reservations_due(
    conn: AsyncConnection[Any], now: datetime, limit: int, *, after: ReservationDue | None = None
) -> list[ReservationDue]:
    """Those whose payment is being canceled already are left out."""
    behind = {"after": after.expires_at, "after_id": after.stream} if after else _FROM_THE_START
    async with conn.cursor(row_factory=class_row(ReservationDue)) as cursor:
        await cursor.execute(_RESERVATIONS, {"now": now, "limit": limit, **behind})
        return await cursor.fetchall()


_UNCONFIRMED = """
    SELECT payment_id, user_id, initiated_at
    FROM payments
    WHERE status = 'requires_action'
        AND initiated_at <= %(before)s
        AND (initiated_at, payment_id) > (%(after)s, %(after_id)s)
    ORDER BY initiated_at, payment_id
    LIMIT %(limit)s
"""


async def unconfirmed_payments(
    conn: AsyncConnection[Any], before: datetime, limit: int, *, after: PaymentDue | None = None
) -> list[PaymentDue]:
    behind = {"after": after.initiated_at, "after_id": after.payment_id} if after else _FROM_THE_START
    async with conn.cursor(row_factory=class_row(PaymentDue)) as cursor:
        await cursor.execute(_UNCONFIRMED, {"before": before, "limit": limit, **behind})
        return await cursor.fetchall()


_TOKENS = """
    SELECT user_id, min(at) AS at
    FROM (
        SELECT user_id, expires_on::timestamp AT TIME ZONE 'UTC' AS at
        FROM token_strips
        WHERE remaining > 0 AND expires_on <= (%(now)s AT TIME ZONE 'UTC')::date
        UNION ALL
        SELECT user_id, pending_until
        FROM token_lots
        WHERE status = 'pending' AND pending_until <= %(now)s
    ) AS due
    GROUP BY user_id
    HAVING (min(at), user_id) > (%(after)s, %(after_id)s)
    ORDER BY at, user_id
    LIMIT %(limit)s
"""


async def tokens_due(
    conn: AsyncConnection[Any], now: datetime, limit: int, *, after: TokensDue | None = None
) -> list[TokensDue]:
    behind = {"after": after.at, "after_id": after.user_id} if after else _FROM_THE_START
    async with conn.cursor(row_factory=class_row(TokensDue)) as cursor:
        await cursor.execute(_TOKENS, {"now": now, "limit": limit, **behind})
        return await cursor.fetchall()


_FROM_THE_START: dict[str, Any] = {"after": _EARLIEST, "after_id": ""}


_PAGES = """
    SELECT what, id, user_id, at
    FROM (
        SELECT 'payment' AS what, payment_id AS id, user_id, page_ends_at AS at
        FROM payments
        WHERE page_ends_at <= %(now)s AND status IN ('initiated', 'unknown', 'requires_action')
        UNION ALL
        SELECT 'subscription' AS what, subscription_id AS id, user_id, page_ends_at AS at
        FROM subscriptions
        WHERE page_ends_at <= %(now)s AND status IN ('requested', 'unknown')
    ) AS pages
    WHERE (at, id) > (%(after)s, %(after_id)s)
    ORDER BY at, id
    LIMIT %(limit)s
"""


async def pages_due(
    conn: AsyncConnection[Any], now: datetime, limit: int, *, after: PageDue | None = None
) -> list[PageDue]:
    behind = {"after": after.at, "after_id": after.id} if after else _FROM_THE_START
    async with conn.cursor(row_factory=class_row(PageDue)) as cursor:
        await cursor.execute(_PAGES, {"now": now, "limit": limit, **behind})
        return await cursor.fetchall()
