"""Whether the platform has at Stripe what it owes its instructors. Pure."""

from __future__ import annotations


def shortfall(at_stripe_minor: int, owed_minor: int) -> int:
    """How much has to come to Stripe, available or not, until all that is owed is there; of one currency.
    Nothing where nothing is owed: fees alone may take Stripe's balance below zero, which nobody waits for.
    """
    return max(owed_minor - at_stripe_minor, 0) if owed_minor > 0 else 0
