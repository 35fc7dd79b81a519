"""What follows between a coupon and the enrolments that use it: all of it in this ledger.

The use is taken between the enrolment's reservation and its payment; from then on it follows the enrolment.
"""

from __future__ import annotations

from ledger.coupons.events import CouponUseReserved
from ledger.effects import Effect, FollowCouponUse, HoldCouponUse, StartCoursePayment
from ledger.enrolments.events import (
    EnrolmentActivated,
    EnrolmentReleased,
    EnrolmentReserved,
    EnrolmentRestored,
    EnrolmentRevoked,
    ReservationSuperseded,
)
from ledger.message import Recorded


def react(recorded: Recorded) -> tuple[Effect, ...]:
    match recorded.event:
        case CouponUseReserved() as use:
            return (StartCoursePayment(use.course_id, use.learner_id, use.payment_id),)
        case EnrolmentReserved(coupon=code) as held if code:
            return (HoldCouponUse(held.course_id, held.learner_id, held.payment_id, held.enrolment_id, code),)
        case EnrolmentActivated(coupon=code, enrolment_id=use_id) if code:
            standing = "confirmed"
        case (
            EnrolmentReleased(coupon=code, enrolment_id=use_id)
            | ReservationSuperseded(coupon=code, enrolment_id=use_id)
        ) if code:
            standing = "released"
        case EnrolmentRevoked(coupon=code, enrolment_id=use_id) if code:
            standing = "returned"
        case EnrolmentRestored(coupon=code, enrolment_id=use_id) if code:
            standing = "reinstated"
        case _:
            return ()
    return (FollowCouponUse(code, use_id, standing, as_of=recorded.version),)
