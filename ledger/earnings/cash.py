"""Whether the platform has at Stripe what it owes its instructors. Pure."""

from __future__ import annotations


def shortfall(at_stripe_minor: int, owed_minor: int) -> int:
    """How much of what is owed, available or not, is not at Stripe any more; both of one currency. Never more
    than is owed: Stripe's own fees may take its balance below zero, which nobody waits for here.
    """
    return max(owed_minor - max(at_stripe_minor, 0), 0)
