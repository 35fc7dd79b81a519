"""What is left of which award, and what each month did to the tokens of each rule."""

from __future__ import annotations

from datetime import UTC, date, datetime

from ledger.instants import clamped
from projections.engine.tables import Row, Table
from projections.tokens.tables import NEVER

DEBT = ""
"""In place of a rule: what users owe. Tokens that repay a debt are nobody's lot."""


class TokenStretchRow(Row):
    """A lot, or what was given again in place of what had expired: a stretch of a strip."""

    stretch_id: str
    strip: str
    """The user and the day on which all of it expires."""
    begins: int
    amount: int
    remaining: int
    """What can be spent of it; nothing as long as it is pending."""
    rule: str
    """By which it was awarded."""


class TokenSpentRow(Row):
    """A part of what one redemption took, in the order in which it did."""

    spent_id: str
    redemption_id: str
    number: int
    expires_on: date
    amount: int
    rule: str


class TokenMonthRow(Row):
    """By how much each kind of fact moved what is outstanding, as the books have it."""

    month: date
    """Its first day (UTC), by the effective time."""
    rule: str
    """Out of whose lots it was, or into whose; `DEBT` for what users owe."""
    awarded: int
    restored: int
    redeemed: int
    expired: int
    clawed_back: int
    penalised: int


TOKEN_STRETCHES = Table("token_stretches", TokenStretchRow, ("stretch_id",))
TOKEN_SPENT = Table("token_spent", TokenSpentRow, ("spent_id",))
TOKEN_MONTHS = Table("token_months", TokenMonthRow, ("month", "rule"))


def day_of(expires_at: datetime | None) -> date:
    return NEVER if expires_at is None else expires_at.astimezone(UTC).date()


def month_of(at: datetime) -> date:
    return clamped(at).date().replace(day=1)


def strip_of(user_id: str, expires_at: datetime | None) -> str:
    return f"{user_id}~{day_of(expires_at)}"
