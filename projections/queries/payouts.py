"""What a run of payouts begins with: who has something to have, in whose order, and what the platform has."""

from __future__ import annotations

from collections.abc import Mapping
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


# what is taken back beyond what is pending is payable no more, as `balances` has it; whoever is not paid for
# another reason just now holds nobody up, and has the same turn again afterwards
_PAYEES = """
    WITH sums AS (
        SELECT user_id, currency,
            coalesce(sum(amount_minor - held_minor) FILTER (WHERE available_on <= %(on)s), 0)
                - sum(reserved_minor) - sum(transferred_minor) AS mature,
            coalesce(sum(amount_minor - held_minor) FILTER (WHERE available_on > %(on)s), 0) AS pending,
            sum(reserved_minor) AS reserved
        FROM earnings_days
        WHERE %(waiting_in)s::text IS NULL OR (user_id, currency) IN (
            SELECT turn.user_id, turn.currency
            FROM payout_turns AS turn
            LEFT JOIN payouts_withheld AS withheld USING (stream)
            WHERE turn.currency = %(waiting_in)s
                AND (turn.user_id = %(asking)s OR coalesce(withheld.reason, %(short)s) = %(short)s)
        )
        GROUP BY user_id, currency
    )
    SELECT sums.user_id, sums.currency, (mature + least(pending, 0))::bigint AS available_minor
    FROM sums
    LEFT JOIN payout_turns AS turn ON (turn.user_id, turn.currency) = (sums.user_id, sums.currency)
    WHERE mature + least(pending, 0) <> 0 AND (%(waiting_in)s::text IS NULL OR reserved = 0)
    ORDER BY turn.position NULLS LAST, sums.user_id, sums.currency
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


async def payees(conn: AsyncConnection[Any], on: date) -> list[Payee]:
    """Whoever waits for the platform's funds comes first, the longest first; all others by their ids."""
    return await _payees(conn, {"on": on, "waiting_in": None, "asking": None})


async def waiting(conn: AsyncConnection[Any], on: date, currency: str, asking: str) -> list[Payee]:
    """Those alone that wait for funds in a currency, in their turn; the user that asks is among them when
    they have one.
    """
    return await _payees(conn, {"on": on, "waiting_in": currency, "asking": asking})


async def _payees(conn: AsyncConnection[Any], which: Mapping[str, Any]) -> list[Payee]:
    async with conn.cursor(row_factory=class_row(Payee)) as cursor:
        await cursor.execute(_PAYEES, {**which, "short": PlatformShort.code})
        return await cursor.fetchall()


async def reserved(conn: AsyncConnection[Any]) -> dict[str, int]:
    """By payouts whose transfers may not have been made yet, by currency."""
    found = await (await conn.execute(_RESERVED, (list(ON_ITS_WAY),))).fetchall()
    return dict(found)


async def cash(conn: AsyncConnection[Any]) -> list[Cash]:
    async with conn.cursor(row_factory=class_row(Cash)) as cursor:
        await cursor.execute(_CASH, _ACCOUNTS)
        return await cursor.fetchall()
