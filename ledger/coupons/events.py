"""Facts about one coupon and its uses."""

from __future__ import annotations

from typing import ClassVar

from ledger.coupons.terms import Terms
from ledger.message import Event, Instant


class CouponCreated(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "coupons.created.v1"
    code: str
    user_id: str
    """Who made it."""
    terms: Terms


class CouponEndedEarly(Event, frozen=True, kw_only=True):
    """By who made it, or by an administrator."""

    TYPE: ClassVar[str] = "coupons.ended.v1"
    code: str
    user_id: str


class CouponUseReserved(Event, frozen=True, kw_only=True):
    """Held for the enrolment until it is paid, or ends."""

    TYPE: ClassVar[str] = "coupons.use_reserved.v1"
    code: str
    use_id: str
    """The enrolment."""
    buyer_id: str
    """Whose use it is, also where the course is a gift."""
    learner_id: str
    payment_id: str
    course_id: str
    price_minor: int
    currency: str
    discount_minor: int
    borne_by: str
    held_until: Instant | None = None
    """When it ends unless it is paid; None where that was not said."""


class CouponUseConfirmed(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "coupons.use_confirmed.v1"
    code: str
    use_id: str
    as_of: int


class CouponUseReleased(Event, frozen=True, kw_only=True):
    """Also of one that was refused, so that what comes later for it is known as that."""

    TYPE: ClassVar[str] = "coupons.use_released.v1"
    code: str
    use_id: str
    as_of: int


class CouponUseReturned(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "coupons.use_returned.v1"
    code: str
    use_id: str
    as_of: int


class CouponUseReinstated(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "coupons.use_reinstated.v1"
    code: str
    use_id: str
    as_of: int


UseFollowed = CouponUseConfirmed | CouponUseReleased | CouponUseReturned | CouponUseReinstated
CouponEvent = (
    CouponCreated
    | CouponEndedEarly
    | CouponUseReserved
    | CouponUseConfirmed
    | CouponUseReleased
    | CouponUseReturned
    | CouponUseReinstated
)
