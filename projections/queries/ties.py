"""Whether sub-ledgers are what their control accounts say: tokens user by user, and what organisations owe.

Of one moment: the tables of all projections move together, and where one of them stopped there is nothing to
compare. Instructors' earnings are no such thing, as they follow the payments: `GET /api/earnings/owed` shows
both.
"""

from __future__ import annotations

from typing import Any, LiteralString, TypeVar

import msgspec
from psycopg import Connection
from psycopg.rows import class_row

from ledger.chart import RECEIVABLE, TOK, TOKENS_OUTSTANDING
from ledger.money import format_minor

T = TypeVar("T")


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


class UntiedReceivable(msgspec.Struct, frozen=True):
    """What an organisation or a user owes in one currency, where that is not told alike."""

    owed_by: str
    currency: str
    booked_minor: int
    """What account 1100 has of it."""
    open_minor: int
    """By its licences' invoices and its orders, or by a user's invoices that were paid outside Stripe."""

    @property
    def said(self) -> str:
        booked, left = (format_minor(one, self.currency) for one in (self.booked_minor, self.open_minor))
        return (
            f"What {self.owed_by} owes is {left} by its invoices and orders, and {booked} in account "
            f"{RECEIVABLE.number}."
        )


_TOGETHER = """
    SELECT count(*) = cardinality(%(names)s::text[]) AND count(DISTINCT notification_id) = 1
    FROM positions
    WHERE application_name = ANY(%(names)s)
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


_UNTIED_RECEIVABLES = """
    WITH booked AS (
        SELECT party AS owed_by, currency, sum(debit_minor - credit_minor)::bigint AS minor
        FROM balances
        WHERE account = %(account)s
        GROUP BY party, currency
    ), owed AS (
        SELECT org_id AS owed_by, currency, open_minor FROM licence_invoices
        UNION ALL
        SELECT org_id, currency, open_minor FROM orders
        UNION ALL
        SELECT user_id, settlement_currency, receivable_minor FROM invoices WHERE receivable_minor > 0
    ), open AS (
        SELECT owed_by, currency, sum(open_minor)::bigint AS minor FROM owed GROUP BY owed_by, currency
    )
    SELECT
        owed_by,
        currency,
        coalesce(booked.minor, 0) AS booked_minor,
        coalesce(open.minor, 0) AS open_minor
    FROM booked
    FULL JOIN open USING (owed_by, currency)
    WHERE coalesce(booked.minor, 0) <> coalesce(open.minor, 0)
    ORDER BY owed_by, currency
    LIMIT %(limit)s
"""


def untied(conn: Connection[Any], limit: int = 20) -> list[Untied] | None:
    """The first of them; none where all ties. None where the tables are of different positions."""
    arguments = {"account": TOKENS_OUTSTANDING.number, "unit": TOK, "limit": limit}
    return _found(conn, ("tokens", "breakage", "journal"), Untied, _UNTIED, arguments)


def untied_receivables(conn: Connection[Any], limit: int = 20) -> list[UntiedReceivable] | None:
    """As `untied`, of what organisations and users owe."""
    arguments = {"account": RECEIVABLE.number, "limit": limit}
    told = ("licences", "orders", "invoices", "journal")
    return _found(conn, told, UntiedReceivable, _UNTIED_RECEIVABLES, arguments)


def _found(
    conn: Connection[Any],
    projections: tuple[str, ...],
    kind: type[T],
    query: LiteralString,
    arguments: dict[str, Any],
) -> list[T] | None:
    with conn.transaction():
        conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        [together] = conn.execute(_TOGETHER, {"names": list(projections)}).fetchone() or (False,)
        if not together:
            return None
        with conn.cursor(row_factory=class_row(kind)) as cursor:
            return cursor.execute(query, arguments).fetchall()
