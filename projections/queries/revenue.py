"""Recurring and deferred revenue, as a finance department asks for it. Reads; nothing is kept for them.

Spans are half-open: `start` is in them, `end` is not, so that consecutive months leave nothing out.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from psycopg import AsyncConnection
from psycopg.rows import class_row, dict_row

from ledger.chart import CONTRACT_LIABILITY
from ledger.invoices.events import (
    CreditUndone,
    InvoiceCredited,
    InvoiceRecognised,
    InvoiceSettled,
    InvoiceSettledWithoutCharge,
    ServiceEnded,
    UnusedTimeOvergiven,
)
from ledger.licences.events import (
    LicenceCredited,
    LicenceInvoiced,
    LicenceInvoicePaid,
    LicenceRecognised,
    LicenceWrittenOff,
)
from ledger.money import round_half_up
from ledger.orders.events import OrderItemCredited, OrderPaid, OrderPlaced, OrderWrittenOff

_WHOLE_BP = 10_000


class Mrr(msgspec.Struct, frozen=True):
    """Monthly recurring revenue of a tier in one currency; yearly prices count by the twelfth."""

    currency: str
    tier: str
    subscriptions: int
    mrr_minor: int


_MRR = """
    SELECT currency, tier, sum(n)::bigint AS subscriptions, sum(minor)::bigint AS mrr_minor
    FROM (
        SELECT currency, tier, 1 AS n, mrr_minor AS minor
        FROM subscription_movements
        WHERE at <= %(at)s AND mrr_minor > 0
        UNION ALL
        SELECT currency, was_tier, -1, -was_mrr_minor
        FROM subscription_movements
        WHERE at <= %(at)s AND was_mrr_minor > 0
    ) AS moved
    GROUP BY currency, tier
    HAVING sum(n) <> 0 OR sum(minor) <> 0
    ORDER BY currency, tier
"""


async def mrr(conn: AsyncConnection[Any], at: datetime) -> list[Mrr]:
    """By currency and tier, with all that happened up to and at `at`."""
    async with conn.cursor(row_factory=class_row(Mrr)) as cursor:
        await cursor.execute(_MRR, {"at": at})
        return await cursor.fetchall()


class Churn(msgspec.Struct, frozen=True, kw_only=True):
    """Who paid in this currency when the span began, and what of that was gone when it ended.

    Customers that came in between count for nothing; one that left and came back is not lost.
    """

    currency: str
    customers_at_start: int
    customers_lost: int
    customer_churn_bp: int
    """Hundredths of a per cent, halves away from zero."""
    mrr_at_start_minor: int
    mrr_lost_minor: int
    """Of the customers lost."""
    mrr_contracted_minor: int
    """Of those that stayed and pay less than at the start."""
    mrr_churn_bp: int
    """Of `mrr_lost_minor`."""


_CHURN = """
    WITH customers AS (
        SELECT
            currency,
            sum(mrr_delta_minor) FILTER (WHERE at < %(start)s) AS before,
            sum(mrr_delta_minor) AS after
        FROM subscription_movements
        WHERE at < %(end)s
        GROUP BY currency, user_id
    )
    SELECT
        currency,
        count(*) AS customers_at_start,
        count(*) FILTER (WHERE after <= 0) AS customers_lost,
        sum(before)::bigint AS mrr_at_start_minor,
        coalesce(sum(before) FILTER (WHERE after <= 0), 0)::bigint AS mrr_lost_minor,
        coalesce(sum(before - after) FILTER (WHERE after > 0 AND after < before), 0)::bigint
            AS mrr_contracted_minor
    FROM customers
    WHERE before > 0
    GROUP BY currency
    ORDER BY currency
"""


async def churn(conn: AsyncConnection[Any], start: datetime, end: datetime) -> list[Churn]:
    """By currency; a currency in which nobody paid when the span began is left out."""
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(_CHURN, {"start": start, "end": end})
        return [
            Churn(
                **row,
                customer_churn_bp=_rate_bp(row["customers_lost"], row["customers_at_start"]),
                mrr_churn_bp=_rate_bp(row["mrr_lost_minor"], row["mrr_at_start_minor"]),
            )
            for row in await cursor.fetchall()
        ]


def _rate_bp(part: int, whole: int) -> int:
    return round_half_up(part * _WHOLE_BP, whole)


class Rollforward(msgspec.Struct, frozen=True):
    """How the contract liability (account 2000) went from one balance to the next:

    opening + billed - recognised - credited - written off + other = closing. A liability stands above zero.
    """

    currency: str
    opening_minor: int
    billed_minor: int
    """Settled invoices, and those of licences and orders when they are written; without tax."""
    recognised_minor: int
    """Earned, day by day and by services that ended early; and of orders what is shared out as it is paid."""
    credited_minor: int
    """Given back of what was not earned yet."""
    written_off_minor: int
    """Of licences' invoices and of orders that nobody pays what was not earned yet, less what came back."""
    other_minor: int
    """By facts of any other kind, signed; zero unless something new posts to the account."""
    closing_minor: int


_ROLLFORWARD = """
    SELECT
        p.currency,
        coalesce(sum(-p.amount_minor) FILTER (WHERE e.effective_at < %(start)s), 0)::bigint
            AS opening_minor,
        coalesce(sum(-p.amount_minor) FILTER (
            WHERE e.effective_at >= %(start)s AND e.type = ANY(%(billed)s)
        ), 0)::bigint AS billed_minor,
        coalesce(sum(p.amount_minor) FILTER (
            WHERE e.effective_at >= %(start)s AND e.type = ANY(%(recognised)s)
        ), 0)::bigint AS recognised_minor,
        coalesce(sum(p.amount_minor) FILTER (
            WHERE e.effective_at >= %(start)s AND e.type = ANY(%(credited)s)
        ), 0)::bigint AS credited_minor,
        coalesce(sum(p.amount_minor) FILTER (
            WHERE e.effective_at >= %(start)s AND e.type = ANY(%(written_off)s)
        ), 0)::bigint AS written_off_minor,
        coalesce(sum(-p.amount_minor) FILTER (
            WHERE e.effective_at >= %(start)s AND e.type <> ALL(%(named)s)
        ), 0)::bigint AS other_minor,
        sum(-p.amount_minor)::bigint AS closing_minor
    FROM postings AS p
    JOIN entries AS e ON e.position = p.position
    WHERE p.account = %(account)s AND e.effective_at < %(end)s
    GROUP BY p.currency
    ORDER BY p.currency
"""
_KINDS = {
    "billed": [InvoiceSettled.TYPE, InvoiceSettledWithoutCharge.TYPE, LicenceInvoiced.TYPE, OrderPlaced.TYPE],
    "recognised": [InvoiceRecognised.TYPE, ServiceEnded.TYPE, LicenceRecognised.TYPE, OrderPaid.TYPE],
    "credited": [
        InvoiceCredited.TYPE,
        CreditUndone.TYPE,
        UnusedTimeOvergiven.TYPE,
        LicenceCredited.TYPE,
        OrderItemCredited.TYPE,
    ],
    "written_off": [LicenceWrittenOff.TYPE, LicenceInvoicePaid.TYPE, OrderWrittenOff.TYPE],
}
_NAMED = [kind for kinds in _KINDS.values() for kind in kinds]


async def deferred_rollforward(
    conn: AsyncConnection[Any], start: datetime, end: datetime
) -> list[Rollforward]:
    """By currency, from the postings themselves, so that it ties to the account's balance to the cent."""
    arguments = {"start": start, "end": end, "account": CONTRACT_LIABILITY.number, "named": _NAMED, **_KINDS}
    async with conn.cursor(row_factory=class_row(Rollforward)) as cursor:
        await cursor.execute(_ROLLFORWARD, arguments)
        return await cursor.fetchall()
