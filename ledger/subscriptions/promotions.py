"""Promotion codes of Stripe's with which somebody subscribes: what they take, and whom and what they are for.
Pure.

https://docs.stripe.com/billing/subscriptions/coupons#promotion-codes
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from ledger.money import format_minor
from ledger.subscriptions.discounts import Discount, discounted
from ledger.subscriptions.refusals import (
    PromotionCodeNotForPlan,
    PromotionCodeNotForUser,
    PromotionCodeOver,
    PromotionCodeUnknown,
    PromotionCodeUsedUp,
)

Duration = Literal["once", "repeating", "forever"]


class Promotion(msgspec.Struct, frozen=True, kw_only=True):
    """As Stripe has it now."""

    promotion_code_id: str
    discount: Discount | None
    """None for one that takes of none of our plans."""
    duration: Duration
    """For one invoice, for `months`, or for all."""
    months: int | None = None
    currency: str = ""
    """Of what it takes; empty for a part of the price."""
    live: bool = True
    """Whether it, and the coupon that it gives, can be redeemed at all."""
    used_up: bool = False
    expires_at: datetime | None = None
    customer_id: str = ""
    """At Stripe, whom alone it is for; empty for everybody."""
    least_minor: int = 0
    least_currency: str = ""


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What it is to be redeemed for."""

    tier: str
    currency: str
    price_minor: int
    customer_id: str
    """Empty for somebody who is no customer of Stripe's yet."""
    at: datetime


def redeemed(promotion: Promotion | None, order: Order) -> int:
    """What the price comes to with it. Raises what says why it cannot be redeemed."""
    if promotion is None:
        raise PromotionCodeUnknown("There is no such promotion code; look at how it is written.")
    if promotion.used_up:
        raise PromotionCodeUsedUp("This promotion code was used as often as it can be; subscribe without it.")
    if not promotion.live or (promotion.expires_at is not None and promotion.expires_at <= order.at):
        raise PromotionCodeOver("This promotion code is over; subscribe without it.")
    if promotion.customer_id not in {"", order.customer_id}:
        raise PromotionCodeNotForUser("This promotion code is somebody else's; subscribe without it.")
    if promotion.discount is None or not _is_for(promotion.discount, order.tier):
        raise PromotionCodeNotForPlan(f"This promotion code is for another plan than {order.tier}.")
    _check_currency(promotion, order)
    return discounted(order.price_minor, (promotion.discount,), order.tier)


def _is_for(discount: Discount, tier: str) -> bool:
    return not discount.tiers or tier in discount.tiers


def _check_currency(promotion: Promotion, order: Order) -> None:
    if promotion.currency not in {"", order.currency}:
        raise PromotionCodeNotForPlan(
            f"This promotion code is for prices in {promotion.currency.upper()}, and this one is in "
            f"{order.currency.upper()}."
        )
    least, currency = promotion.least_minor, promotion.least_currency or order.currency
    if least and (currency != order.currency or order.price_minor < least):
        raise PromotionCodeNotForPlan(
            f"This promotion code is for what costs {format_minor(least, currency)} or more; the plan costs "
            f"{format_minor(order.price_minor, order.currency)}."
        )
