"""A statement as CSV: its openings, each movement of the month, its closings, and what is owed back then."""

from __future__ import annotations

import csv
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from io import StringIO
from typing import Any

from api.earnings.explaining import movement_of
from api.earnings.reads import titles_of
from api.earnings.resources import Movement
from api.earnings.statement import Month, Statement
from api.reads import rows, select
from ledger.money import format_minor
from ledger.store.batched_queries import Connection
from projections.earnings.movements import EARNINGS_MOVEMENTS

MEDIA_TYPE = "text/csv"
COLUMNS = (
    "kind",
    "currency",
    "amount",
    "effective_at",
    "available_on",
    "course_id",
    "title",
    "payment_id",
    "basis",
    "share_bp",
    "part_bp",
    "kept",
    "position",
    "cause_position",
    "payout_id",
    "recovery",
)
_PAGE = 2000
"""Movements at once, so that a long month holds up nobody."""
_FORMULAS = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What a spreadsheet takes for the beginning of one, be it as wide as a Chinese letter, after any space.
https://owasp.org/www-community/attacks/CSV_Injection
"""

_OF_MONTH = """
    SELECT {columns}
    FROM {table}
    WHERE user_id = %(user_id)s AND kind <> 'held' AND effective_at <= %(until)s
        AND (effective_at, position) > (%(after)s, %(position)s)
    ORDER BY effective_at, position
    LIMIT %(limit)s
"""
MONTHS = select(_OF_MONTH, EARNINGS_MOVEMENTS)


async def render(connection: Connection, statement: Statement, month: Month) -> bytes:
    lines = [_line({name: name for name in COLUMNS})]
    lines += (
        _bound("opening", one.currency, one.opening_minor, month.begins_at) for one in statement.currencies
    )
    async for movements in _movements(connection, statement.user_id, month):
        lines += map(_told, movements)
    lines += (
        _bound("closing", one.currency, one.closing_minor, month.last_moment) for one in statement.currencies
    )
    lines += (
        _bound("owed_to_platform", one.currency, one.owed_to_platform_minor, month.last_moment)
        for one in statement.currencies
        if one.owed_to_platform_minor
    )
    return "".join(lines).encode()


async def _movements(connection: Connection, user_id: str, month: Month) -> AsyncIterator[Sequence[Movement]]:
    after, position = month.begins_at, -1
    while True:
        arguments = {
            "user_id": user_id,
            "until": month.last_moment,
            "after": after,
            "position": position,
            "limit": _PAGE,
        }
        found = await rows(connection, MONTHS, EARNINGS_MOVEMENTS, arguments)
        titles = await titles_of(connection, (row.course_id for row in found))
        yield [movement_of(row, titles) for row in found]
        if len(found) < _PAGE:
            return
        after, position = found[-1].effective_at, found[-1].position


def _told(one: Movement) -> str:
    counted = one.explanation
    values: dict[str, Any] = {
        "kind": one.kind,
        "currency": one.currency,
        "amount": _number(one.amount_minor, one.currency),
        "effective_at": one.effective_at.isoformat(),
        "available_on": one.available_on.isoformat() if one.available_on else "",
        "course_id": one.course_id or "",
        "title": _harmless(one.title or ""),
        "payment_id": one.payment_id or "",
        "position": one.position,
        "cause_position": one.cause_position,
        "payout_id": one.payout_id or "",
        "recovery": one.recovery or "",
    }
    if counted is not None:
        values |= {
            "basis": format_minor(counted.basis_minor, counted.price_currency),
            "share_bp": counted.share_bp,
            "part_bp": counted.part_bp,
            "kept": _number(counted.kept_minor, one.currency),
        }
    return _line(values)


def _bound(kind: str, currency: str, amount_minor: int, at: datetime) -> str:
    amount = _number(amount_minor, currency)
    return _line({"kind": kind, "currency": currency, "amount": amount, "effective_at": at.isoformat()})


def _number(amount_minor: int, currency: str) -> str:
    return format_minor(amount_minor, currency).partition(" ")[0]


def _harmless(text: str) -> str:
    """An author's words, which no spreadsheet is to run."""
    return f"'{text}" if text.lstrip().startswith(_FORMULAS) else text


def _line(values: Mapping[str, object]) -> str:
    out = StringIO()
    known = (values.get(name, "") for name in COLUMNS)
    csv.writer(out, lineterminator="\r\n").writerow(known)
    return out.getvalue()
