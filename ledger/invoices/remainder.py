"""What is left of an invoice to give back. Pure.

What a change of plan took off for unused time was given back by that, so it can neither be credited nor be
taken off again. An upgrade's own invoice sold more than it charged, as what it took off was paid before: at
most what was charged can be credited of it, and all that it sold can be taken off by the next one.
"""

from __future__ import annotations


def creditable(*, total_minor: int, sold_minor: int, given_minor: int, taken_minor: int) -> int:
    """All with tax. `given_minor` went back or is on its way; `taken_minor` was taken off for unused time."""
    return max(0, min(total_minor - given_minor, takeable(sold_minor, given_minor, taken_minor)))


def takeable(sold_minor: int, given_minor: int, taken_minor: int) -> int:
    return max(0, sold_minor - given_minor - taken_minor)


def taker_of(at_s: int, earlier: int) -> str:
    """How what a change at that second (Unix) takes is called, before it has an invoice and after: by the
    moment that the unused time begins at, which is all that the request and Stripe's invoice have in common,
    and by how many invoices there were before that took time from the same moment on.
    """
    return f"at_{at_s}_{earlier}"
