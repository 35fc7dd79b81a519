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
    tiers: tuple[str, ...] = ()
    """Whose price alone it takes of, and not of what is billed beside the plan; of all without any."""


def discounted(price_minor: int, discounts: Iterable[Discount], tier: str, others_minor: int = 0) -> int:
    """What a plan of `tier` comes to, with what is billed beside it; never below zero.
    https://docs.stripe.com/billing/subscriptions/coupons
    """
    plan, others = price_minor, others_minor
    for one in discounts:
        if one.tiers:
            plan -= _off(one, plan) if tier in one.tiers else 0
            continue
        whole = plan + others
        off = _off(one, whole)
        of_plan = round_half_up(off * plan, whole) if whole else 0
        plan, others = plan - of_plan, others - (off - of_plan)
    return plan + others


def _off(one: Discount, left_minor: int) -> int:
    return min(left_minor, one.off_minor or round_half_up(left_minor * one.percent_bp, _WHOLE_BP))
