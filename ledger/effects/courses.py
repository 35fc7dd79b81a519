"""Of courses, who buys them and with which coupon."""

from __future__ import annotations

import msgspec


class CreateCourse(msgspec.Struct, frozen=True, tag="courses.create"):
    """Have the ledger make the course of an upload that it accepted."""

    user_id: str
    course_id: str
    version: int
    """Of the fact that accepted it, in the author's stream."""


class StartCoursePayment(msgspec.Struct, frozen=True, tag="enrolments.start_payment"):
    """Ask the ledger for the payment of a reservation."""

    course_id: str
    learner_id: str
    payment_id: str


class CancelCoursePayment(msgspec.Struct, frozen=True, tag="enrolments.cancel_payment"):
    """Ask the ledger to cancel a payment whose reservation is over."""

    course_id: str
    learner_id: str
    payment_id: str


class RefundCoursePayment(msgspec.Struct, frozen=True, omit_defaults=True, tag="enrolments.refund_payment"):
    """Ask the ledger to give back a payment that was made twice, or is asked back by its buyer."""

    course_id: str
    learner_id: str
    payment_id: str
    refund_id: str
    buyer_id: str
    reason: str
    """`duplicate` or `requested_by_customer`."""
    stated_reason: str = ""
    """What a buyer who asks for it gives as reason; empty is the same as `reason`."""
    note: str = ""


class FollowSale(msgspec.Struct, frozen=True, tag="enrolments.follow_sale"):
    """Tell the enrolment how its payment stands, as of that version of the payment's stream."""

    course_id: str
    learner_id: str
    payment_id: str
    buyer_id: str
    revision: int
    standing: str
    cause: str
    cause_id: str
    as_of: int


class ReopenEnrolment(msgspec.Struct, frozen=True, tag="enrolments.reopen"):
    """Tell the enrolment that a refund came to nothing."""

    course_id: str
    learner_id: str
    refund_id: str


class WithdrawReview(msgspec.Struct, frozen=True, tag="enrolments.withdraw_review"):
    """Have the review of a learner count no more, as they teach the course now."""

    course_id: str
    learner_id: str


class CertifyCompletion(msgspec.Struct, frozen=True, tag="enrolments.certify"):
    """Certify what was completed, where the learner's plan has that and their name is known."""

    course_id: str
    learner_id: str
    enrolment_id: str


class HoldCouponUse(msgspec.Struct, frozen=True, tag="coupons.hold_use"):
    """Ask the coupon for the use that a reservation needs, before its payment is begun."""

    course_id: str
    learner_id: str
    payment_id: str
    enrolment_id: str
    code: str


class FollowCouponUse(msgspec.Struct, frozen=True, tag="coupons.follow_use"):
    """Tell the coupon how the enrolment stands that uses it, as of that version of the enrolment's stream."""

    code: str
    use_id: str
    standing: str
    """`confirmed`, `released`, `returned` or `reinstated`."""
    as_of: int


EnrolmentEffect = (
    StartCoursePayment | CancelCoursePayment | RefundCoursePayment | FollowSale | ReopenEnrolment
)
CouponEffect = HoldCouponUse | FollowCouponUse
