"""What is owed to instructors, as finance is shown it."""

from __future__ import annotations

from datetime import date

import msgspec

from api.earnings.resources import Sums


class Age(msgspec.Struct, frozen=True, kw_only=True):
    """What became available from `from_days` up to `to_days` days ago, those not included; null: no end."""

    from_days: int
    to_days: int | None
    amount_minor: int


class Cash(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the platform has what it must pay. What some owe back pays nobody else, and is not counted."""

    at_stripe_minor: int
    """Pending and available, as the books have it: accounts 1010 and 1011."""
    payable_minor: int
    """What account 2100 has."""
    shortfall_minor: int
    """By how much less there is at Stripe than is payable."""


class OwedSums(Sums, frozen=True, kw_only=True):
    """Of all instructors. `ages` add up to `available_minor - debt_minor`: payouts took the oldest first.
    `booked_minor` is what account 2100 has less 1210: what differs is on its way from the payments. It and
    `cash` are null with `at`.
    """

    instructors: int
    """To whom anything is owed, or who owe."""
    ages: list[Age]
    booked_minor: int | None
    cash: Cash | None


class OwedTo(Sums, frozen=True, kw_only=True):
    user_id: str


class Owed(msgspec.Struct, frozen=True, kw_only=True):
    """`items` are instructors by their ids, one for each currency. `next_cursor` is null on the last page."""

    on: date
    totals: list[OwedSums]
    items: list[OwedTo]
    has_more: bool
    next_cursor: str | None
