"""Coupons as requests write them and as answers show them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from api.http.body import AmountMinor, CurrencyCode
from api.words import COUPON, USER
from ledger.coupons import terms as coupon_terms
from ledger.coupons.state import Coupon as State
from ledger.coupons.terms import MOST_USES, Terms
from ledger.split import WHOLE_BP
from projections.coupons.coupon import CouponRow

Scope = Literal["platform", "instructor", "course"]
Bearer = Literal["platform", "instructor"]
CouponCode = Annotated[str, Meta(pattern=COUPON, description="In either case.", examples=["SPRING-20"])]
Uses = Annotated[int, Meta(ge=1, le=MOST_USES)]
Time = Annotated[datetime, Meta(tz=True, examples=["2026-12-31T23:00:00Z"])]


class NewCoupon(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Either `percent_bp` of the price or `amount_minor` of `currency` comes off. `scope_id` is the
    instructor or the course; left out for `instructor` it is the caller.
    """

    code: CouponCode
    percent_bp: (
        Annotated[int, Meta(ge=1, le=WHOLE_BP, description="In basis points: 2000 is 20 %.")] | None
    ) = None
    amount_minor: AmountMinor | None = None
    currency: CurrencyCode | None = None
    starts_at: Time | None = None
    ends_at: Time | None = None
    max_uses: Uses | None = None
    max_uses_per_user: Uses | None = None
    minimum_price_minor: AmountMinor | None = None
    scope: Scope
    scope_id: Annotated[str, Meta(pattern=USER, description="Of a user or a course.")] | None = None
    borne_by: Bearer = "instructor"


def terms_of(body: NewCoupon, maker: str) -> Terms:
    mine = maker if body.scope == "instructor" else ""
    return Terms(
        percent_bp=body.percent_bp or 0,
        amount_minor=body.amount_minor or 0,
        currency=(body.currency or "").lower(),
        starts_at=body.starts_at,
        ends_at=body.ends_at,
        max_uses=body.max_uses,
        max_uses_per_user=body.max_uses_per_user,
        minimum_price_minor=body.minimum_price_minor or 0,
        scope=body.scope,
        scope_id=body.scope_id or mine,
        borne_by=body.borne_by,
    )


class CouponStanding(msgspec.Struct, frozen=True, kw_only=True):
    """`percent_bp` and `amount_minor`: one of them is 0. `uses` are those that are reserved or paid now."""

    code: str
    maker: str
    percent_bp: int
    amount_minor: int
    currency: str
    """Empty where there is neither an amount nor a minimum price."""
    starts_at: datetime | None
    ends_at: datetime | None
    max_uses: int | None
    max_uses_per_user: int | None
    minimum_price_minor: int
    scope: Scope
    scope_id: str
    borne_by: Bearer
    ended: bool
    """By its maker or an administrator; its time may be over all the same."""
    uses: int


class Coupon(CouponStanding, frozen=True, kw_only=True):
    """`reserved` uses wait for their payment, `confirmed` ones are paid."""

    reserved: int
    confirmed: int
    ended_at: datetime | None
    created_at: datetime
    position: int


def standing_of(code: str, coupon: State) -> CouponStanding:
    terms = coupon_terms_of(coupon)
    return CouponStanding(
        code=code,
        maker=coupon.maker,
        ended=coupon.ended,
        uses=coupon.live,
        **msgspec.structs.asdict(terms),
    )


def coupon_terms_of(coupon: State) -> Terms:
    assert coupon.terms is not None, "it was made, or found, before"
    return coupon.terms


def coupon_of(row: CouponRow) -> Coupon:
    fields: dict[str, Any] = {
        name: getattr(row, name) for name in (*Terms.__struct_fields__, "code", "maker", "ended_at")
    }
    return Coupon(
        **fields,
        ended=row.ended_at is not None,
        uses=row.reserved + row.confirmed,
        reserved=row.reserved,
        confirmed=row.confirmed,
        created_at=row.created_at,
        position=row.position,
    )


def normal(code: str) -> str:
    """As it is stored, whatever the case in which it was written."""
    return coupon_terms.normal(code)
