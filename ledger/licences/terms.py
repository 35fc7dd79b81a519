"""What a licence grants, for how long, and how it is paid. Facts keep all of it as it was decided with."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from ledger.licence_tiers import Grant
from ledger.message import Instant
from ledger.money import round_to_step
from ledger.subscriptions.proration import boundary, seg

_WHOLE_BP = 10_000

NONE, INVOICE = "none", "invoice"
NET_DAYS = (14, 30, 60)


class Billing(Struct, frozen=True, kw_only=True, omit_defaults=True):
    kind: str = NONE
    """`none` is given; `invoice` is due `net_days` after it is written."""
    net_days: int = 0
    tax_bp: int = 0
    """Basis points on top of the price."""

    def tax_minor(self, net_minor: int, currency: str) -> int:
        """In whole steps of the currency, so that a card can pay it."""
        return round_to_step(net_minor * self.tax_bp, _WHOLE_BP, currency)


class Term(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """From `starts_at` on and before `ends_at`."""

    number: int
    starts_at: Instant
    ends_at: Instant
    months: int
    anchor_at: Instant
    """The first moment of this term and of those before it that it touches: ends are counted from there, so
    that 29 February comes back."""
    reach_months: int
    """From the anchor to the end."""


def first_term(number: int, starts_at: datetime, months: int) -> Term:
    """One that follows on nothing. Raises `ValueError` where the calendar ends."""
    return Term(
        number=number,
        starts_at=starts_at,
        ends_at=_end(starts_at, months),
        months=months,
        anchor_at=starts_at,
        reach_months=months,
    )


def next_term(last: Term, months: int) -> Term:
    """The one that touches `last`. Raises `ValueError` where the calendar ends."""
    reach = last.reach_months + months
    return Term(
        number=last.number + 1,
        starts_at=last.ends_at,
        ends_at=_end(last.anchor_at, reach),
        months=months,
        anchor_at=last.anchor_at,
        reach_months=reach,
    )


def _end(anchor_at: datetime, months: int) -> datetime:
    return boundary(anchor_at, "month", months)


def proration(old: Grant, new: Grant, term: Term, at: datetime) -> int:
    """What the rest of `term` costs more with `new`: to the second, below zero where it costs less."""
    before, after = old.price_minor(term.months), new.price_minor(term.months)
    left = (at, term.starts_at, term.ends_at, new.currency)
    return seg(after, *left) - seg(before, *left)
