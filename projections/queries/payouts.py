"""What a run of payouts begins with: who has something to have, in whose order, and what the platform has."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec
from psycopg import AsyncConnection
from psycopg.rows import class_row

from ledger import chart
from ledger.earnings.refusals import PlatformShort
from ledger.earnings.state import ON_ITS_WAY


class Payee(msgspec.Struct, frozen=True):
    """Below zero is what is owed back. The tables may lag the ledger, which has the last word."""

    user_id: str
    currency: str
    available_minor: int


class Cash(msgspec.Struct, frozen=True):
    """Of one currency, as the books have it."""

    currency: str
    at_stripe_minor: int
    """Available there or not."""
    owed_minor: int
    """To instructors, account 2100: what others of them owe back pays none of it."""


# what is taken back beyond what is pending is payable no more, as `balances` has it
_PAYEES = """
    WITH sums AS (
        SELECT user_id, currency,
            coalesce(sum(amount_minor - held_minor) FILTER (WHERE available_on <= %(on)s), 0)
                - sum(reserved_minor) - sum(transferred_minor) AS mature,
            coalesce(sum(amount_minor - held_minor) FILTER (WHERE available_on > %(on)s), 0) AS pending
        FROM earnings_days
        WHERE %(waiting_in)s::text IS NULL OR (user_id, currency) IN (
            SELECT user_id, currency
            FROM payouts_withheld
            WHERE reason = %(short)s AND currency = %(waiting_in)s
        )
        GROUP BY user_id, currency
    )
    SELECT sums.user_id, sums.currency, (mature + least(pending, 0))::bigint AS available_minor
    FROM sums
    LEFT JOIN payouts_withheld AS withheld
        ON (withheld.user_id, withheld.currency, withheld.reason) = (sums.user_id, sums.currency, %(short)s)
    WHERE mature + least(pending, 0) <> 0
    ORDER BY withheld.position NULLS LAST, sums.user_id, sums.currency
"""
_ACCOUNTS = {
    "payable": chart.INSTRUCTOR_PAYABLE.number,
    "at_stripe": [chart.STRIPE_PENDING.number, chart.STRIPE_AVAILABLE.number],
}
_RESERVED = """
    SELECT currency, sum(amount_minor)::bigint
    FROM instructor_payouts
    WHERE status = ANY(%s)
    GROUP BY currency
"""
_CASH = """
    SELECT currency,
        coalesce(sum(debit_minor - credit_minor) FILTER (WHERE account <> %(payable)s), 0)::bigint
            AS at_stripe_minor,
        coalesce(sum(credit_minor - debit_minor) FILTER (WHERE account = %(payable)s), 0)::bigint
            AS owed_minor
    FROM balances
    WHERE account = ANY(%(at_stripe)s) OR account = %(payable)s
    GROUP BY currency
    ORDER BY currency
"""


async def payees(conn: AsyncConnection[Any], on: date, *, waiting_in: str | None = None) -> list[Payee]:
    """Whoever waits for the platform's funds comes first, the longest first; all others by their ids. With a
    currency, those alone that wait for funds in it.
    """
    arguments = {"on": on, "short": PlatformShort.code, "waiting_in": waiting_in}
    async with conn.cursor(row_factory=class_row(Payee)) as cursor:
        await cursor.execute(_PAYEES, arguments)
        return await cursor.fetchall()


async def reserved(conn: AsyncConnection[Any]) -> dict[str, int]:
    """By payouts whose transfers may not have been made yet, by currency."""
    found = await (await conn.execute(_RESERVED, (list(ON_ITS_WAY),))).fetchall()
    return dict(found)


async def cash(conn: AsyncConnection[Any]) -> list[Cash]:
    async with conn.cursor(row_factory=class_row(Cash)) as cursor:
        await cursor.execute(_CASH, _ACCOUNTS)
        return await cursor.fetchall()
