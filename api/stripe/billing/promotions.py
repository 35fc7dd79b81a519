"""Stripe's promotion codes. Raises as `lookup.py` does."""

from __future__ import annotations

from typing import Literal

import msgspec
from stripe import StripeClient

from api.stripe.billing.catalogue import product_of
from api.stripe.billing.lookup import listed
from api.stripe.billing.objects import Coupon
from api.stripe.objects import Reference, UnexpectedAnswer, id_of, instant
from ledger.catalogue import FREE, TIERS
from ledger.subscriptions.discounts import Discount
from ledger.subscriptions.promotions import Promotion


class _Gives(msgspec.Struct, frozen=True, kw_only=True):
    type: Literal["coupon"]
    coupon: str | Coupon | None = None


class _Restrictions(msgspec.Struct, frozen=True, kw_only=True):
    minimum_amount: int | None = None
    minimum_amount_currency: str | None = None


class _Code(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    active: bool
    created: int
    promotion: _Gives
    customer: Reference = None
    expires_at: int | None = None
    max_redemptions: int | None = None
    restrictions: _Restrictions = _Restrictions()
    times_redeemed: int = 0


async def find(client: StripeClient, code: str) -> Promotion | None:
    """By how it is written, in either case. Of several the one that can be redeemed, else the newest."""
    expand = ["data.promotion.coupon.applies_to"]
    found = await listed(client, "/v1/promotion_codes", _Code, code=code, expand=expand)
    best = max(found, key=lambda one: (one.active, one.created), default=None)
    return _promotion(best) if best else None


def _promotion(found: _Code) -> Promotion:
    coupon = found.promotion.coupon
    if not isinstance(coupon, Coupon):
        raise UnexpectedAnswer(f"promotion code {found.id} has no coupon")
    rules = found.restrictions
    return Promotion(
        promotion_code_id=found.id,
        discount=_discount(coupon),
        duration=coupon.duration,
        months=coupon.duration_in_months,
        currency=(coupon.currency or "") if coupon.amount_off else "",
        live=found.active and coupon.valid,
        used_up=_is_used_up(found.max_redemptions, found.times_redeemed)
        or _is_used_up(coupon.max_redemptions, coupon.times_redeemed),
        expires_at=instant(found.expires_at) if found.expires_at else None,
        customer_id=id_of(found.customer),
        least_minor=rules.minimum_amount or 0,
        least_currency=rules.minimum_amount_currency or "",
    )


def _is_used_up(most: int | None, times: int) -> bool:
    return most is not None and times >= most


def _discount(coupon: Coupon) -> Discount | None:
    tiers: tuple[str, ...] = ()
    if coupon.applies_to is not None:
        products = coupon.applies_to.products
        tiers = tuple(tier for tier in TIERS if tier != FREE and product_of(tier) in products)
        if not tiers:
            return None
    percent_bp = round((coupon.percent_off or 0) * 100)
    return Discount(percent_bp=percent_bp, off_minor=coupon.amount_off or 0, tiers=tiers)
