"""Earnings as answers show them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal

import msgspec
from litestar.params import QueryParameter

from api.http.checks import Check
from api.words import DAY
from ledger.earnings.balances import Balances
from ledger.earnings.terms import Kind, Recovery

PaidKind = Literal["payout", "payout_reversed"]
"""What is paid, which takes from what is owed, and what comes back of it."""
MovementKind = Literal[Kind, PaidKind, "held"]


def day_fault(text: str) -> str | None:
    try:
        date.fromisoformat(text)
    except ValueError:
        return f"{text!r:.20} is no day: write it as 2026-01-31"
    return None


AtDay = Annotated[
    str | None,
    QueryParameter(pattern=DAY, description="As the books were at the end of that UTC day; now, without it."),
    Check(day_fault),
]


class Maturing(msgspec.Struct, frozen=True, kw_only=True):
    """What that UTC day makes available."""

    available_on: date
    amount_minor: int


class Sums(msgspec.Struct, frozen=True, kw_only=True):
    """In one currency, which is never added to another. `available_minor + pending_minor + held_minor +
    reserved_minor - debt_minor` is `owed_minor`: all that was earned less all that was taken back, and less
    what was paid, as account 2100 has it less 1210.
    """

    currency: str
    available_minor: int
    pending_minor: int
    held_minor: int
    """By disputes; neither available nor pending."""
    reserved_minor: int
    """By a payout that is on its way; not available any more."""
    debt_minor: int
    """Taken back and not covered: netted from what becomes available."""
    owed_minor: int


class Withheld(msgspec.Struct, frozen=True, kw_only=True):
    """Why no payout is made as things are, and what to do."""

    reason: str
    """The code with which a request for a payout is refused."""
    detail: str
    remedy: str
    since: datetime | None
    """When that was found; null for what follows from the amounts."""


class Totals(Sums, frozen=True, kw_only=True):
    paid_minor: int
    """So far, less what came back of it."""
    withheld: Withheld | None
    """Null where a payout is on its way or the next run makes one, where there is nothing to be paid, and
    with `at`.
    """
    next: list[Maturing]
    """What is pending, by the days that make it available."""


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """All that was earned and taken back with one course, or in one month. The other is null."""

    currency: str
    course_id: str | None
    title: str | None
    """Null also where the course's words were erased."""
    month: str | None
    earned_minor: int
    reversed_minor: int
    """By refunds and lost disputes, less what came back."""
    kept_minor: int
    paid_minor: int
    """In that month, less what came back; 0 for a course, as payouts are of none."""


class Earnings(msgspec.Struct, frozen=True, kw_only=True):
    user_id: str
    on: date
    """The UTC day that decides what is available."""
    totals: list[Totals]
    groups: list[Group]
    """None without `by`."""


class Reckoned(msgspec.Struct, frozen=True, kw_only=True):
    """How what the instructor has of a sale was counted, after the movement. `charged_minor`,
    `given_back_minor` and `basis_minor` are in `price_currency`; all else is in the movement's, in which the
    charge was settled at `settled_minor`.
    """

    price_currency: str
    charged_minor: int
    given_back_minor: int
    basis_minor: int
    settled_minor: int
    share_bp: int
    """Of all instructors of the course, of the basis."""
    part_bp: int
    """Of this one, of that share."""
    exact_minor: str
    """What is left of the basis, times share and part, before any rounding: `451.5`."""
    rounding_minor: str
    """What rounding added or took: `-0.5`."""
    kept_minor: int
    before_minor: int
    """What the instructor had of the sale before the movement."""
    rule: str
    """All of it in words."""


class Movement(msgspec.Struct, frozen=True, kw_only=True):
    """Of kind `held`, `held_change_minor` says how much more a dispute holds, and nothing else changes. A
    `payout` and a `payout_reversed` are of no course, payment or day.
    """

    position: int
    kind: MovementKind
    currency: str
    amount_minor: int
    held_change_minor: int
    available_on: date | None
    """Null for payouts, which are of all that is available."""
    effective_at: datetime
    course_id: str | None
    title: str | None
    """Null where the course's words were erased."""
    payment_id: str | None
    """Null for a course that the platform gave for nothing."""
    payout_id: str | None
    recovery: Recovery | None
    """How what it takes of what was paid out already comes in again; null where it takes nothing of that."""
    cause_position: int
    """Of the fact that it follows from, and of the entry in the books."""
    explanation: Reckoned | None
    """How a sale's part was counted; null for all else."""
    words: str
    """What it is, in a sentence or some: the rule of the explanation, where there is one."""


def sums_of(currency: str, found: Balances) -> dict[str, str | int]:
    return {
        "currency": currency,
        "available_minor": found.available_minor,
        "pending_minor": found.pending_minor,
        "held_minor": found.held_minor,
        "reserved_minor": found.reserved_minor,
        "debt_minor": found.debt_minor,
        "owed_minor": found.owed_minor,
    }
