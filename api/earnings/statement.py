"""An instructor's month, ready to be written in any form: opening, what came and went, closing."""

from __future__ import annotations

from calendar import monthrange
from collections import defaultdict
from datetime import UTC, date, datetime
from typing import Any, Literal

import msgspec

from api.earnings.reads import titles_of
from api.earnings.resources import PaidKind
from ledger.earnings.terms import Kind
from ledger.store.batched_queries import Connection

StatementKind = Literal[Kind, PaidKind]


class StatementLine(msgspec.Struct, frozen=True, kw_only=True):
    """All movements of one kind with one course; all payouts, and all that came back of them, which are of
    none.
    """

    course_id: str | None
    title: str | None
    """Null where the course's words were erased."""
    kind: StatementKind
    movements: int
    amount_minor: int


class CurrencyStatement(msgspec.Struct, frozen=True, kw_only=True):
    """`opening_minor` and the amounts of `lines` add up to `closing_minor`. Both are what account 2100 less
    1210 had for the instructor at the end of the month before, and of this one.
    """

    currency: str
    opening_minor: int
    closing_minor: int
    owed_to_platform_minor: int
    """What the closing is below zero: netted from later earnings."""
    lines: list[StatementLine]


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """`final` is false while the month goes on."""

    user_id: str
    month: str
    final: bool
    currencies: list[CurrencyStatement]

    @property
    def file_name(self) -> str:
        """Without its ending."""
        return f"statement-{self.month}"


class Month(msgspec.Struct, frozen=True):
    first: date

    @property
    def name(self) -> str:
        return self.first.isoformat()[:7]

    @property
    def last(self) -> date:
        return self.first.replace(day=monthrange(self.first.year, self.first.month)[1])

    @property
    def begins_at(self) -> datetime:
        return datetime.combine(self.first, datetime.min.time(), UTC)

    @property
    def last_moment(self) -> datetime:
        return datetime.combine(self.last, datetime.max.time(), UTC)


_OPENINGS = """
    SELECT currency, sum(amount_minor)::bigint
    FROM earnings_months
    WHERE user_id = %s AND month < %s
    GROUP BY currency
"""
_LINES = """
    SELECT currency, course_id, kind, movements, amount_minor
    FROM earnings_months
    WHERE user_id = %s AND month = %s
    ORDER BY currency, course_id = '', course_id, kind
"""


async def statement_of(connection: Connection, user_id: str, month: Month, now: datetime) -> Statement:
    of = (user_id, month.first)
    openings: list[tuple[Any, ...]] = await (await connection.execute(_OPENINGS, of)).fetchall()
    found = await (await connection.execute(_LINES, of)).fetchall()
    titles = await titles_of(connection, (course_id for _, course_id, *_ in found))
    lines: defaultdict[str, list[StatementLine]] = defaultdict(list)
    for currency, course_id, kind, movements, amount in found:
        line = StatementLine(
            course_id=course_id or None,
            title=titles.get(course_id),
            kind=kind,
            movements=movements,
            amount_minor=amount,
        )
        lines[currency].append(line)
    opening = dict(openings)
    currencies = [
        _in_one_currency(currency, opening.get(currency, 0), lines[currency])
        for currency in sorted({*opening, *lines})
    ]
    final = now.astimezone(UTC).date() > month.last
    return Statement(user_id=user_id, month=month.name, final=final, currencies=currencies)


def _in_one_currency(currency: str, opening_minor: int, lines: list[StatementLine]) -> CurrencyStatement:
    closing = opening_minor + sum(line.amount_minor for line in lines)
    return CurrencyStatement(
        currency=currency,
        opening_minor=opening_minor,
        closing_minor=closing,
        owed_to_platform_minor=max(-closing, 0),
        lines=lines,
    )
