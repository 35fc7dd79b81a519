"""Why a coupon is not made, or not taken; each detail says what is so in the one case, `remedy` what to do.

A purchase that was let in and then met a coupon that cannot be used any more ends with the refusal's code as
its reason. `retold` makes the refusal of it again, in the words that a code alone can tell.
"""

from __future__ import annotations

from typing import ClassVar

from ledger.errors import Forbidden, Invalid, NotFound, Refused


class InvalidCoupon(Invalid):
    """Something about the coupon is not as it can be."""

    code: ClassVar[str] = "invalid_coupon"
    remedy: ClassVar[str] = "Correct what `errors` point at."

    def __init__(self, detail: str, *fields: str) -> None:
        """`fields` are those that it is about, as they are called in the terms and by whoever writes them."""
        super().__init__(detail)
        self.fields = fields


class CouponCodeTaken(Refused):
    """There is, or was, a coupon with this code."""

    code: ClassVar[str] = "coupon_code_taken"
    remedy: ClassVar[str] = "Choose another code: one is never used again."
    passing: ClassVar[bool] = False


class TooManyCoupons(Refused):
    """One author keeps so many coupons at a time, and no more."""

    code: ClassVar[str] = "too_many_coupons"
    remedy: ClassVar[str] = "End coupons that are not needed: `POST /api/coupons/{code}/end`."
    passing: ClassVar[bool] = True


class CouponNotYoursToMake(Forbidden):
    """Authors make coupons for courses of their own, and bear them; any other is an administrator's."""

    code: ClassVar[str] = "coupon_not_yours_to_make"
    remedy: ClassVar[str] = "Make it for your own courses, borne by the instructor, or ask an administrator."


class UnknownCoupon(NotFound):
    """There is no coupon with this code."""

    code: ClassVar[str] = "coupon_unknown"
    remedy: ClassVar[str] = "Check how the code is written, or buy without one."


_OTHER: str = "Buy without the coupon, or with another one."


class CouponNotBegun(Refused):
    """The coupon can be used later only."""

    code: ClassVar[str] = "coupon_not_begun"
    remedy: ClassVar[str] = "Wait until the time in `detail`, or buy without the coupon."
    passing: ClassVar[bool] = True


class CouponEnded(Refused):
    """The coupon's time is over, or who made it ended it."""

    code: ClassVar[str] = "coupon_ended"
    remedy: ClassVar[str] = _OTHER
    passing: ClassVar[bool] = False


class CouponUsedUp(Refused):
    """The coupon was used as often as it can be; a purchase that ends without money frees its use."""

    code: ClassVar[str] = "coupon_used_up"
    remedy: ClassVar[str] = (
        "Try again at the time in `detail`, if there is one; or buy without it or with another."
    )
    passing: ClassVar[bool] = True


class CouponUsedByYou(Refused):
    """The buyer used the coupon as often as one user may."""

    code: ClassVar[str] = "coupon_used_by_you"
    remedy: ClassVar[str] = (
        "Finish or cancel a purchase that waits with it; or buy without it or with another."
    )
    passing: ClassVar[bool] = True


class CouponNotForCourse(Refused):
    """The coupon is for another course, or for those of another instructor."""

    code: ClassVar[str] = "coupon_not_for_course"
    remedy: ClassVar[str] = _OTHER
    passing: ClassVar[bool] = False


class CouponBelowMinimum(Refused):
    """The course costs less than the coupon asks for."""

    code: ClassVar[str] = "coupon_below_minimum"
    remedy: ClassVar[str] = _OTHER
    passing: ClassVar[bool] = True


class CouponOtherCurrency(Refused):
    """The coupon is in another currency than the course."""

    code: ClassVar[str] = "coupon_other_currency"
    remedy: ClassVar[str] = _OTHER
    passing: ClassVar[bool] = True


class CouponTakesNothing(Refused):
    """The course is free, or so cheap that nothing comes off."""

    code: ClassVar[str] = "coupon_takes_nothing"
    remedy: ClassVar[str] = "Buy without the coupon: it costs the same."
    passing: ClassVar[bool] = True


class CouponLeavesTooLittle(Refused):
    """What the coupon leaves to pay is an amount that Stripe does not charge."""

    code: ClassVar[str] = "coupon_leaves_too_little"
    remedy: ClassVar[str] = _OTHER
    passing: ClassVar[bool] = True


class CouponChanged(Refused):
    """The coupon takes off another amount than when the purchase began."""

    code: ClassVar[str] = "coupon_changed"
    remedy: ClassVar[str] = "Look at the price anew (`GET /api/courses/{course_id}/price`), and buy again."
    passing: ClassVar[bool] = True


_RETOLD: tuple[tuple[type[Refused], str], ...] = (
    (UnknownCoupon, "There is no such coupon."),
    (CouponNotBegun, "The coupon cannot be used yet."),
    (CouponEnded, "The coupon ended before the purchase was through."),
    (CouponUsedUp, "The last use of the coupon went to another purchase."),
    (CouponUsedByYou, "The last use that the coupon has for you went to another purchase of yours."),
    (CouponNotForCourse, "The coupon is for other courses."),
    (CouponBelowMinimum, "The course costs less than the coupon asks for."),
    (CouponOtherCurrency, "The coupon is in another currency."),
    (CouponTakesNothing, "The coupon takes nothing off this price."),
    (CouponLeavesTooLittle, "The coupon leaves an amount that Stripe does not charge."),
    (CouponChanged, "The coupon takes off another amount than when the purchase began."),
)
USE_REFUSALS: tuple[type[Refused], ...] = tuple(refusal for refusal, _ in _RETOLD)
"""All that a use can be refused with."""
_BY_CODE = {refusal.code: (refusal, said) for refusal, said in _RETOLD}


def retold(code: str) -> Refused | None:
    """The refusal that ended a purchase, by its code; None when that is no coupon's."""
    if code not in _BY_CODE:
        return None
    refusal, said = _BY_CODE[code]
    return refusal(f"{said} Nothing was charged.")
