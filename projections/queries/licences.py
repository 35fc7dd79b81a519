"""What the clock asks of licences, and what finance does: what is open by age, what is deferred by month."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import msgspec
from psycopg import AsyncConnection
from psycopg.rows import class_row, dict_row

from ledger.chart import CONTRACT_LIABILITY, RECEIVABLE
from ledger.licences.events import (
    LicenceCredited,
    LicenceInvoiced,
    LicenceInvoicePaid,
    LicenceRecognised,
    LicenceWrittenOff,
)


class LicenceDays(msgspec.Struct, frozen=True):
    """Days of a licence to close one after the other, both included. A day may turn out to earn nothing."""

    licence_id: str
    first: date
    last: date


class LicenceDue(msgspec.Struct, frozen=True):
    """A licence of which the clock has something to say, since when, and of which term."""

    licence_id: str
    term: int
    at: datetime


_DAYS = """
    SELECT licence_id, open_day AS first, %(until)s::date AS last
    FROM licences
    WHERE open_day <= %(until)s AND (open_day, licence_id) > (%(after)s, %(after_id)s)
    ORDER BY open_day, licence_id
    LIMIT %(limit)s
"""


async def licence_days(
    conn: AsyncConnection[Any], until: date, limit: int, *, after: LicenceDays | None = None
) -> list[LicenceDays]:
    """Of licences with something left to earn: the days up to `until` (included, UTC) to be closed."""
    behind = {
        "after": after.first if after else date.min,
        "after_id": after.licence_id if after else "",
    }
    async with conn.cursor(row_factory=class_row(LicenceDays)) as cursor:
        await cursor.execute(_DAYS, {"until": until, "limit": limit, **behind})
        return await cursor.fetchall()


_NOTICES = """
    SELECT licence_id, term, notice_at AS at
    FROM licences
    WHERE notice_at <= %(now)s AND (notice_at, licence_id) > (%(after)s, %(after_id)s)
    ORDER BY notice_at, licence_id
    LIMIT %(limit)s
"""
_EXPIRIES = """
    SELECT licence_id, term, expires_at AS at
    FROM licences
    WHERE expires_at <= %(now)s AND (expires_at, licence_id) > (%(after)s, %(after_id)s)
    ORDER BY expires_at, licence_id
    LIMIT %(limit)s
"""


class LicencePaymentDue(msgspec.Struct, frozen=True):
    """A payment by card that holds a licence, or its invoice, for longer than it may."""

    licence_id: str
    payment_id: str
    expires_at: datetime


_PAYMENTS = """
    SELECT licence_id, payment_id, expires_at
    FROM licence_payments
    WHERE status = 'reserved'
        AND expires_at <= %(now)s
        AND (expires_at, payment_id) > (%(after)s, %(after_id)s)
    ORDER BY expires_at, payment_id
    LIMIT %(limit)s
"""


async def payments_due(
    conn: AsyncConnection[Any], now: datetime, limit: int, *, after: LicencePaymentDue | None = None
) -> list[LicencePaymentDue]:
    """Those that are being canceled already are left out."""
    behind = {
        "after": after.expires_at if after else datetime.min.replace(tzinfo=UTC),
        "after_id": after.payment_id if after else "",
    }
    async with conn.cursor(row_factory=class_row(LicencePaymentDue)) as cursor:
        await cursor.execute(_PAYMENTS, {"now": now, "limit": limit, **behind})
        return await cursor.fetchall()


async def notices_due(
    conn: AsyncConnection[Any], now: datetime, limit: int, *, after: LicenceDue | None = None
) -> list[LicenceDue]:
    async with conn.cursor(row_factory=class_row(LicenceDue)) as cursor:
        await cursor.execute(_NOTICES, {"now": now, "limit": limit, **_behind(after)})
        return await cursor.fetchall()


async def expiries_due(
    conn: AsyncConnection[Any], now: datetime, limit: int, *, after: LicenceDue | None = None
) -> list[LicenceDue]:
    async with conn.cursor(row_factory=class_row(LicenceDue)) as cursor:
        await cursor.execute(_EXPIRIES, {"now": now, "limit": limit, **_behind(after)})
        return await cursor.fetchall()


def _behind(after: LicenceDue | None) -> dict[str, Any]:
    earliest = datetime.min.replace(tzinfo=UTC)
    return {"after": after.at if after else earliest, "after_id": after.licence_id if after else ""}


class Receivables(msgspec.Struct, frozen=True):
    """What one organisation owes in one currency on invoices of licences and orders, by how long it is
    overdue.
    """

    org_id: str
    currency: str
    total_minor: int
    current_minor: int
    """Not due yet."""
    days_0_30_minor: int
    days_31_60_minor: int
    days_61_90_minor: int
    over_90_minor: int


# From the postings themselves, so that it ties to the account to the cent.
_AGEING = """
    WITH open AS (
        SELECT
            i.org_id,
            i.currency,
            floor(extract(epoch FROM %(before)s - i.due_at) / 86400) AS days,
            sum(p.amount_minor) AS minor
        FROM postings AS p
        JOIN entries AS e ON e.position = p.position
        JOIN (
            SELECT invoice_id, org_id, currency, due_at FROM licence_invoices
            UNION ALL
            SELECT invoice_id, org_id, currency, due_at FROM orders
        ) AS i ON i.invoice_id = e.source
        WHERE p.account = %(account)s AND e.effective_at < %(before)s
        GROUP BY i.invoice_id, i.org_id, i.currency, i.due_at
        HAVING sum(p.amount_minor) <> 0
    )
    SELECT
        org_id,
        currency,
        sum(minor)::bigint AS total_minor,
        coalesce(sum(minor) FILTER (WHERE days < 0), 0)::bigint AS current_minor,
        coalesce(sum(minor) FILTER (WHERE days BETWEEN 0 AND 30), 0)::bigint AS days_0_30_minor,
        coalesce(sum(minor) FILTER (WHERE days BETWEEN 31 AND 60), 0)::bigint AS days_31_60_minor,
        coalesce(sum(minor) FILTER (WHERE days BETWEEN 61 AND 90), 0)::bigint AS days_61_90_minor,
        coalesce(sum(minor) FILTER (WHERE days > 90), 0)::bigint AS over_90_minor
    FROM open
    GROUP BY org_id, currency
    ORDER BY org_id, currency
"""


async def ageing(conn: AsyncConnection[Any], before: datetime) -> list[Receivables]:
    """By organisation and currency, with all that happened before `before`, at which age is counted in whole
    days from when an invoice was due.
    """
    async with conn.cursor(row_factory=class_row(Receivables)) as cursor:
        await cursor.execute(_AGEING, {"before": before, "account": RECEIVABLE.number})
        return await cursor.fetchall()


class OwedByUser(msgspec.Struct, frozen=True):
    """What was paid for one user's invoices outside Stripe and finance has not found, in one currency."""

    user_id: str
    currency: str
    total_minor: int


# All of the account that is of no invoice of an organisation, so that both together are all of it.
_OF_USERS = """
    SELECT p.party AS user_id, p.currency, sum(p.amount_minor)::bigint AS total_minor
    FROM postings AS p
    JOIN entries AS e ON e.position = p.position
    WHERE p.account = %(account)s
        AND e.effective_at < %(before)s
        AND NOT EXISTS (SELECT FROM licence_invoices AS i WHERE i.invoice_id = e.source)
        AND NOT EXISTS (SELECT FROM orders AS o WHERE o.invoice_id = e.source)
    GROUP BY p.party, p.currency
    HAVING sum(p.amount_minor) <> 0
    ORDER BY p.party, p.currency
"""


async def owed_by_users(conn: AsyncConnection[Any], before: datetime) -> list[OwedByUser]:
    """By user and currency, with all that happened before `before`."""
    async with conn.cursor(row_factory=class_row(OwedByUser)) as cursor:
        await cursor.execute(_OF_USERS, {"before": before, "account": RECEIVABLE.number})
        return await cursor.fetchall()


class LicenceMonth(msgspec.Struct, frozen=True, kw_only=True):
    """How what licences have left to earn went through a month (UTC): opening + invoiced - credited - written
    off - recognised = closing.
    """

    month: str
    currency: str
    opening_minor: int
    invoiced_minor: int
    credited_minor: int
    written_off_minor: int
    """Less what came back of it."""
    recognised_minor: int
    closing_minor: int


_MOVED = """
    SELECT
        p.currency,
        CASE
            WHEN e.effective_at < %(start)s THEN ''
            ELSE to_char(e.effective_at AT TIME ZONE 'UTC', 'YYYY-MM')
        END AS month,
        e.type,
        sum(-p.amount_minor)::bigint AS minor
    FROM postings AS p
    JOIN entries AS e ON e.position = p.position
    WHERE p.account = %(account)s AND e.effective_at < %(end)s AND e.type = ANY(%(types)s)
    GROUP BY 1, 2, 3
"""
_KINDS = {
    LicenceInvoiced.TYPE: "invoiced",
    LicenceCredited.TYPE: "credited",
    LicenceWrittenOff.TYPE: "written_off",
    LicenceInvoicePaid.TYPE: "written_off",
    LicenceRecognised.TYPE: "recognised",
}
_ADDS = "invoiced"


async def licence_rollforward(conn: AsyncConnection[Any], months: list[date]) -> list[LicenceMonth]:
    """Of `months`, one after the other by their first days, of which the last one only ends the span. Each
    currency that anything was ever invoiced in has each month.
    """
    starts = [datetime(one.year, one.month, 1, tzinfo=UTC) for one in months]
    arguments = {
        "start": starts[0],
        "end": starts[-1],
        "account": CONTRACT_LIABILITY.number,
        "types": list(_KINDS),
    }
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(_MOVED, arguments)
        moved = await cursor.fetchall()
    found: list[LicenceMonth] = []
    for currency in sorted({row["currency"] for row in moved}):
        of = [row for row in moved if row["currency"] == currency]
        opening = sum(row["minor"] for row in of if not row["month"])
        for start in starts[:-1]:
            one = _month(currency, f"{start:%Y-%m}", opening, of)
            found.append(one)
            opening = one.closing_minor
    return found


def _month(currency: str, month: str, opening: int, moved: list[dict[str, Any]]) -> LicenceMonth:
    sums = dict.fromkeys(_KINDS.values(), 0)
    for row in moved:
        if row["month"] == month:
            sums[_KINDS[row["type"]]] += row["minor"]
    return LicenceMonth(
        month=month,
        currency=currency,
        opening_minor=opening,
        closing_minor=opening + sum(sums.values()),
        **{f"{kind}_minor": minor if kind == _ADDS else -minor for kind, minor in sums.items()},
    )
