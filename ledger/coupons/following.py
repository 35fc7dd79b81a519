"""The commands that an enrolment asks of its coupon, and the coupon of it. Pure: who delivers an effect sends
them.

Their ids are made of what the effect is about, so that any number of deliveries is one.
"""

from __future__ import annotations

from datetime import datetime

from ledger.coupons.commands import (
    ConfirmCouponUse,
    ReinstateCouponUse,
    ReleaseCouponUse,
    ReserveCouponUse,
    ReturnCouponUse,
    UseNews,
)
from ledger.effects import FollowCouponUse, HoldCouponUse
from ledger.enrolments.commands import ReleaseEnrolment
from ledger.enrolments.following import NEVER_STARTED
from ledger.enrolments.state import Enrolment

_NEWS: dict[str, type[UseNews]] = {
    "confirmed": ConfirmCouponUse,
    "released": ReleaseCouponUse,
    "returned": ReturnCouponUse,
    "reinstated": ReinstateCouponUse,
}


def use_of(effect: HoldCouponUse, enrolment: Enrolment, at: datetime) -> ReserveCouponUse | None:
    """None when the enrolment is not held any more."""
    reserved = enrolment.reservation
    if reserved is None or reserved.payment_id != effect.payment_id or enrolment.expiring:
        return None
    return ReserveCouponUse(
        command_id=f"coupon_use:{reserved.enrolment_id}",
        effective_at=at,
        code=effect.code,
        use_id=reserved.enrolment_id,
        buyer_id=reserved.buyer_id,
        learner_id=reserved.learner_id,
        payment_id=reserved.payment_id,
        course_id=reserved.course_id,
        author_id=reserved.author_id,
        price_minor=reserved.sale.price_minor,
        currency=reserved.currency,
        discount_minor=reserved.sale.discount_minor,
        borne_by=reserved.sale.discount_borne_by,
        held_until=reserved.expires_at,
    )


def without_use(effect: HoldCouponUse, code: str, at: datetime) -> ReleaseEnrolment:
    """What to send when the coupon refused with `code`: no payment was begun, and none will be."""
    return ReleaseEnrolment(
        command_id=f"release_without_coupon:{effect.payment_id}:{code}",
        effective_at=at,
        course_id=effect.course_id,
        learner_id=effect.learner_id,
        payment_id=effect.payment_id,
        as_of=NEVER_STARTED,
        reason=code,
    )


def news_of(effect: FollowCouponUse, at: datetime) -> UseNews | None:
    """None for what a later version says."""
    news = _NEWS.get(effect.standing)
    if news is None:
        return None
    return news(
        command_id=f"follow_coupon_use:{effect.use_id}:{effect.as_of}",
        effective_at=at,
        code=effect.code,
        use_id=effect.use_id,
        as_of=effect.as_of,
    )
