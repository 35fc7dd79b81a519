"""What became of tokens by month, and what is outstanding: reports in whole tokens, of what is recorded.

Months are of UTC and half-open, by the effective time, as the books are: what expires with the last day of a
month does so as the next one begins, and is in that.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

import msgspec
from psycopg import AsyncConnection
from psycopg.rows import class_row

from projections.breakage.tables import DEBT
from projections.tokens.tables import NEVER


class TokenSums(msgspec.Struct, frozen=True, kw_only=True):
    """opening + awarded + restored - redeemed - expired - clawed_back - penalised = closing."""

    opening: int
    awarded: int
    restored: int
    redeemed: int
    expired: int
    clawed_back: int
    penalised: int
    closing: int


class TokensOfRule(TokenSums, frozen=True, kw_only=True):
    """By the rule of the award out of whose tokens it was, or into whose. Closing is what is left of them."""

    rule: str | None
    """Null for what users owe, which stands below zero: that awards repaid it is `awarded` here."""


class TokenMonth(TokenSums, frozen=True, kw_only=True):
    """Closing is what account 9100 has as the month ends, balances less debts; `expired` is breakage."""

    month: str
    """Such as 2026-03."""
    rules: list[TokensOfRule]
    """By name; those that neither had anything nor moved are left out."""


_MOVED = ("awarded", "restored", "redeemed", "expired", "clawed_back", "penalised")
_SIGNS = (1, 1, -1, -1, -1, -1)
_MONTHS = """
    SELECT month, rule, awarded, restored, redeemed, expired, clawed_back, penalised
    FROM token_months
    WHERE month <= %(last)s
    ORDER BY month, rule
"""
_Sums = tuple[int, ...]
_NOTHING: _Sums = (0,) * len(_MOVED)


async def by_month(conn: AsyncConnection[Any], first: date, last: date) -> list[TokenMonth]:
    """All months from `first` to `last`, which are their first days, also those in which nothing moved."""
    opening: defaultdict[str, int] = defaultdict(int)
    moved: defaultdict[date, dict[str, _Sums]] = defaultdict(dict)
    for month, rule, *sums in await (await conn.execute(_MONTHS, {"last": last})).fetchall():
        if month < first:
            opening[rule] += _net(tuple(sums))
        else:
            moved[month][rule] = tuple(sums)
    months = []
    for month in _months(first, last):
        months.append(_month(month, opening, moved[month]))
        for rule, sums in moved[month].items():
            opening[rule] += _net(sums)
    return months


def number_of(month: date) -> int:
    """How manyth it is of all months, so that they can be counted."""
    return month.year * 12 + month.month - 1


def month_at(number: int) -> date:
    """The first day of that month."""
    year, index = divmod(number, 12)
    return date(year, index + 1, 1)


def year_up_to(last: date) -> date:
    """The first of twelve months, or of as many as there are."""
    return month_at(max(number_of(last) - 11, number_of(date.min)))


def _net(sums: _Sums) -> int:
    return sum(sign * amount for sign, amount in zip(_SIGNS, sums, strict=True))


def _months(first: date, last: date) -> Iterator[date]:
    for number in range(number_of(first), number_of(last) + 1):
        yield month_at(number)


def _month(month: date, opening: dict[str, int], moved: dict[str, _Sums]) -> TokenMonth:
    names = sorted({rule for rule, amount in opening.items() if amount} | moved.keys())
    rules = [
        TokensOfRule(
            rule=None if rule == DEBT else rule, **_fields(opening.get(rule, 0), moved.get(rule, _NOTHING))
        )
        for rule in names
    ]
    of_all = tuple(map(sum, zip(*moved.values(), strict=True))) or _NOTHING
    return TokenMonth(month=month.isoformat()[:7], **_fields(sum(opening.values()), of_all), rules=rules)


def _fields(opening: int, sums: _Sums) -> dict[str, int]:
    return {"opening": opening, **dict(zip(_MOVED, sums, strict=True)), "closing": opening + _net(sums)}


class Outstanding(msgspec.Struct, frozen=True):
    """Of all users, as it is recorded."""

    balance: int
    debt: int
    pending: int
    overdue: int
    """What of the balance has expired, and is not recorded as such yet."""


class ExpiringInMonth(msgspec.Struct, frozen=True):
    """What is left of all that expires in one month."""

    month: str | None
    """Null for never."""
    tokens: int


_OUTSTANDING = """
    SELECT
        coalesce(sum(balance), 0)::bigint AS balance,
        coalesce(sum(debt), 0)::bigint AS debt,
        coalesce(sum(pending), 0)::bigint AS pending,
        (
            SELECT coalesce(sum(remaining), 0)::bigint
            FROM token_strips
            WHERE remaining > 0 AND expires_on <= (%(now)s AT TIME ZONE 'UTC')::date
        ) AS overdue
    FROM token_accounts
"""
_EXPIRING = """
    SELECT nullif(month, %(never)s) AS month, tokens
    FROM (
        SELECT to_char(expires_on, 'YYYY-MM') AS month, sum(remaining)::bigint AS tokens
        FROM token_strips
        WHERE remaining > 0
        GROUP BY to_char(expires_on, 'YYYY-MM')
    ) AS of_month
    ORDER BY of_month.month
"""


async def outstanding(conn: AsyncConnection[Any], now: datetime) -> Outstanding:
    async with conn.cursor(row_factory=class_row(Outstanding)) as cursor:
        found = await (await cursor.execute(_OUTSTANDING, {"now": now})).fetchone()
    assert found is not None, "sums of no rows are a row"
    return found


async def expiring(conn: AsyncConnection[Any]) -> list[ExpiringInMonth]:
    """By the month as which begins they expire, or in which; what never does comes last. All of it is the
    balance.
    """
    async with conn.cursor(row_factory=class_row(ExpiringInMonth)) as cursor:
        await cursor.execute(_EXPIRING, {"never": f"{NEVER:%Y-%m}"})
        return await cursor.fetchall()
