"""Whether the sub-ledger of tokens is what its control account says, user by user.

Of one moment: the tables of all projections move together, and where one of them stopped there is nothing to
compare. Instructors' earnings are no such thing, as they follow the payments: `GET /api/earnings/owed` shows
both.
"""

from __future__ import annotations

from typing import Any

import msgspec
from psycopg import Connection
from psycopg.rows import class_row

from ledger.chart import TOK, TOKENS_OUTSTANDING


class Untied(msgspec.Struct, frozen=True):
    """A user whose tokens are not told alike. Each but the last two is balance less debt."""

    user_id: str
    booked: int
    """What account 9100 has of them."""
    accounted: int
    """By their balance and debt."""
    by_expiry: int
    """By what is left on each day of expiry."""
    by_award: int
    """By what is left of each award."""
    pending: int
    pending_lots: int
    """What the lots that are pending come to."""

    @property
    def said(self) -> str:
        return (
            f"The tokens of {self.user_id} are {self.accounted} by their balance less their debt, "
            f"{self.booked} in account {TOKENS_OUTSTANDING.number}, {self.by_expiry} by the days of their "
            f"expiry and {self.by_award} by their awards; {self.pending} are pending, "
            f"in lots of {self.pending_lots}."
        )


_TOGETHER = """
    SELECT count(*) = 3 AND count(DISTINCT notification_id) = 1
    FROM positions
    WHERE application_name IN ('tokens', 'breakage', 'journal')
"""
_UNTIED = """
    WITH booked AS (
        SELECT party AS user_id, sum(credit_minor - debit_minor)::bigint AS amount
        FROM balances
        WHERE account = %(account)s AND currency = %(unit)s
        GROUP BY party
    ), strips AS (
        SELECT user_id, sum(remaining)::bigint AS amount FROM token_strips GROUP BY user_id
    ), stretches AS (
        SELECT left(strip, -11) AS user_id, sum(remaining)::bigint AS amount
        FROM token_stretches
        GROUP BY left(strip, -11)
    ), lots AS (
        SELECT user_id, sum(amount)::bigint AS amount
        FROM token_lots
        WHERE status = 'pending'
        GROUP BY user_id
    ), told AS (
        SELECT
            user_id,
            coalesce(booked.amount, 0) AS booked,
            coalesce(balance, 0) - coalesce(debt, 0) AS accounted,
            coalesce(strips.amount, 0) - coalesce(debt, 0) AS by_expiry,
            coalesce(stretches.amount, 0) - coalesce(debt, 0) AS by_award,
            coalesce(pending, 0) AS pending,
            coalesce(lots.amount, 0) AS pending_lots
        FROM token_accounts
        FULL JOIN booked USING (user_id)
        FULL JOIN strips USING (user_id)
        FULL JOIN stretches USING (user_id)
        FULL JOIN lots USING (user_id)
    )
    SELECT *
    FROM told
    WHERE booked <> accounted OR by_expiry <> accounted OR by_award <> accounted OR pending <> pending_lots
    ORDER BY user_id
    LIMIT %(limit)s
"""


def untied(conn: Connection[Any], limit: int = 20) -> list[Untied] | None:
    """The first of them; none where all ties. None where the tables are of different positions."""
    with conn.transaction():
        conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        [together] = conn.execute(_TOGETHER).fetchone() or (False,)
        if not together:
            return None
        with conn.cursor(row_factory=class_row(Untied)) as cursor:
            arguments = {"account": TOKENS_OUTSTANDING.number, "unit": TOK, "limit": limit}
            return cursor.execute(_UNTIED, arguments).fetchall()
