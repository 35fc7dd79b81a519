"""When earnings are available, and what they are counted from."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Literal

from msgspec import Struct

from ledger.split import WHOLE_BP

HOLD = timedelta(days=30)
"""From the UTC day on which a sale was captured to the one on which its earnings are available."""

MINIMUM_PAYOUT_MINOR = 1_000
"""The least that is paid out, in whatever currency."""

Recovery = Literal["netting", "reversal"]
"""How what was paid out and then taken back comes in again: from later earnings, or by the reversal of
transfers."""

Kind = Literal["sale", "granted", "refund", "refund_failed", "dispute_lost", "dispute_won"]


def available_on(sold_at: datetime) -> date:
    return sold_at.astimezone(UTC).date() + HOLD


class Reckoning(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How what an instructor has of a sale was counted, after the fact that changed it.

    All instructors together have the basis, at the rate of settlement and as far as the charge is left, times
    the share, rounded down once. Of that each has a part, by largest remainder.
    """

    price_currency: str
    """Of the charge, its basis and what was given back; other amounts are in the currency of settlement."""
    charged_minor: int = 0
    """0 for a course that the platform gave for nothing."""
    given_back_minor: int = 0
    """By refunds and lost disputes, all of them."""
    basis_minor: int
    share_bp: int
    part_bp: int
    settled_minor: int = 0
    """The gross of the charge at Stripe; 0 where nothing was charged."""
    instructors_minor: int = 0
    kept_minor: int = 0
    """This instructor's of it."""

    @property
    def basis_left(self) -> Fraction:
        """In the currency of settlement, and of what is left of the charge."""
        if not self.charged_minor:
            return Fraction(self.basis_minor)
        left = min(max(self.charged_minor - self.given_back_minor, 0), self.charged_minor)
        return Fraction(self.basis_minor * self.settled_minor * left, self.charged_minor**2)

    @property
    def exact(self) -> Fraction:
        """What would be kept if nothing were rounded."""
        return self.basis_left * self.share_bp * self.part_bp / WHOLE_BP**2
