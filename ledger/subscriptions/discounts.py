"""What discounts make of a price: each takes of what the ones before it left, as Stripe does it. Pure."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from ledger.money import round_half_up

_WHOLE_BP = 10_000


class Discount(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A part of the price, or an amount in the subscription's currency; one of them is zero."""

    percent_bp: int = 0
    off_minor: int = 0


def discounted(price_minor: int, discounts: Iterable[Discount]) -> int:
    """Never below zero. https://docs.stripe.com/billing/subscriptions/coupons"""
    left = price_minor
    for one in discounts:
        off = one.off_minor or round_half_up(left * one.percent_bp, _WHOLE_BP)
        left -= min(off, left)
    return left
