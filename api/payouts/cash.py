"""Whether the platform kept at Stripe what it owes to instructors."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from ledger.earnings.cash import shortfall
from projections.queries.payouts import Cash


class Short(msgspec.Struct, frozen=True, kw_only=True):
    """A currency of which the platform has less at Stripe than it owes to instructors."""

    currency: str
    at_stripe_minor: int
    owed_minor: int
    shortfall_minor: int


def shortfalls(found: Iterable[Cash]) -> list[Short]:
    return [
        Short(
            currency=one.currency,
            at_stripe_minor=one.at_stripe_minor,
            owed_minor=one.owed_minor,
            shortfall_minor=missing,
        )
        for one in found
        if (missing := shortfall(one.at_stripe_minor, one.owed_minor))
    ]
