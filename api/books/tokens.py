"""Tokens as finance asks for them: breakage by month, and what is outstanding at the operator's value.

Reports alone. Tokens are posted in a unit of their own, and nothing is ever posted at their value.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated

import msgspec
from litestar import get
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from api.http.checks import Check
from api.http.problems import FieldError, Unprocessable
from api.http.responses import NOT_MODIFIED_SPEC, Read
from api.reads import SNAPSHOT
from api.services import Services
from api.words import MONTH
from ledger.rewards import Value
from ledger.store.batched_queries import Connection
from projections.queries import tokens
from projections.queries.tokens import ExpiringInMonth, TokenMonth

TAGS = ["books"]
MONTHS_MAX = 120


def month_fault(text: str) -> str | None:
    try:
        month_of(text)
    except ValueError:
        return f"{text!r:.20} is no month: write it as 2026-01"
    return None


def month_of(text: str) -> date:
    """Its first day. Raises ValueError."""
    return date.fromisoformat(f"{text}-01")


First = Annotated[
    str | None,
    QueryParameter(pattern=MONTH, description="Without it, there are twelve."),
    Check(month_fault),
]
Last = Annotated[
    str | None,
    QueryParameter(pattern=MONTH, description="Included; this one, without it."),
    Check(month_fault),
]


class BreakageReport(msgspec.Struct, frozen=True, kw_only=True):
    """Each month (UTC) in whole tokens, and in it each rule: opening + awarded + restored - redeemed -
    expired - clawed_back - penalised = closing. Months are half-open, by the
    effective time, as the books are.
    """

    unit: str = "TOK"
    items: list[TokenMonth]


class TokenValue(msgspec.Struct, frozen=True, kw_only=True):
    """So many minor units for so many tokens, as the catalogue has it under `tokens.value`; else 0."""

    minor: int
    tokens: int
    currency: str


class Valued(msgspec.Struct, frozen=True, kw_only=True):
    tokens: int
    value_minor: int
    """Rounded to the nearest minor unit, halves away from zero, of the whole sum and never user by user."""


class TokenLiability(msgspec.Struct, frozen=True, kw_only=True):
    """What users have not spent yet, at what the operator says that it is worth. A report: no entry of money
    is made of it.
    """

    at: datetime
    value: TokenValue
    balance: int
    """What users can spend, of all of them."""
    debt: int
    """What others owe, which is taken off."""
    outstanding: Valued
    """Balance less debt, which is account 9100."""
    pending: Valued
    """Awarded and not yet balance, in no account: beside `outstanding` and no part of it."""
    overdue: Valued
    """What of `outstanding` expired by now, and is recorded in a moment."""
    expiring: list[ExpiringInMonth]
    """The balance by the month in which it expires; null is never."""


@get(
    "/api/ledger/tokens/breakage",
    operation_id="getTokenBreakage",
    summary="What became of tokens, by month and rule",
    tags=TAGS,
    responses=NOT_MODIFIED_SPEC,
)
async def get_breakage(
    services: NamedDependency[Services], first: First = None, last: Last = None
) -> Read[BreakageReport]:
    """Tied to account 9100, and what expired to 9300. At most 120 months."""
    months = _months(first, last, services.now())
    async with services.reading() as connection:
        return Read(BreakageReport(items=await tokens.by_month(connection, *months)))


def _months(first: str | None, last: str | None, now: datetime) -> tuple[date, date]:
    """Raises `Unprocessable`."""
    end = now.astimezone(UTC).date().replace(day=1) if last is None else month_of(last)
    start = tokens.year_up_to(end) if first is None else month_of(first)
    if not 1 <= tokens.number_of(end) - tokens.number_of(start) + 1 <= MONTHS_MAX:
        detail = f"must be one of the {MONTHS_MAX} months that end with {end.isoformat()[:7]}"
        raise Unprocessable.at(FieldError(detail=detail, parameter="first"))
    return start, end


@get(
    "/api/ledger/tokens/liability",
    operation_id="getTokenLiability",
    summary="Outstanding tokens and their value",
    tags=TAGS,
    responses=NOT_MODIFIED_SPEC,
)
async def get_liability(services: NamedDependency[Services]) -> Read[TokenLiability]:
    """As it is now, as far as it is recorded."""
    async with services.reading() as connection:
        return Read(await liability_at(connection, services.now(), services.catalogue.tokens.value))


async def liability_at(connection: Connection, now: datetime, value: Value) -> TokenLiability:
    await connection.execute(SNAPSHOT)
    found = await tokens.outstanding(connection, now)
    expiring = await tokens.expiring(connection)
    await connection.execute("COMMIT")
    return TokenLiability(
        at=now,
        value=TokenValue(minor=value.minor, tokens=value.tokens, currency=value.currency.lower()),
        balance=found.balance,
        debt=found.debt,
        outstanding=_valued(found.balance - found.debt, value),
        pending=_valued(found.pending, value),
        overdue=_valued(found.overdue, value),
        expiring=expiring,
    )


def _valued(amount: int, value: Value) -> Valued:
    return Valued(tokens=amount, value_minor=value.of(amount))


HANDLERS = (get_breakage, get_liability)
