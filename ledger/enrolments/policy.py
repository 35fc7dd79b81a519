"""What follows between an enrolment and its payments: both are in this ledger, and nothing goes outside."""

from __future__ import annotations

from ledger.effects import (
    CancelCoursePayment,
    CertifyCompletion,
    Effect,
    FollowSale,
    RefundCoursePayment,
    ReopenEnrolment,
    StartCoursePayment,
)
from ledger.enrolments.events import (
    EnrolmentExpiring,
    EnrolmentReserved,
    ReservationSuperseded,
    ReturnRequested,
    SurplusPaymentFound,
)
from ledger.enrolments.learning.events import EnrolmentCompleted
from ledger.enrolments.stream import KIND, parts_of
from ledger.ids import derived_id
from ledger.message import Recorded
from ledger.payments.events import RefundCanceled, RefundFailed, SaleStandingChanged


def react(recorded: Recorded) -> tuple[Effect, ...]:
    effect = _of_enrolment(recorded) if KIND.has(recorded.stream) else _of_payment(recorded)
    return () if effect is None else (effect,)


def surplus_refund_id(payment_id: str, as_of: int) -> str:
    """Another one when it is paid twice again, since its refund failed: `as_of` is when that was said."""
    return derived_id("re", "surplus", payment_id, str(as_of))


def _of_enrolment(  # noqa: PLR0911 - one answer for each fact
    recorded: Recorded,
) -> Effect | None:
    course_id, learner_id = parts_of(recorded.stream)
    match recorded.event:
        case EnrolmentReserved(coupon=code) if code:
            return None  # its coupon comes first: see `ledger/coupons/policy.py`
        case EnrolmentReserved(payment_id=payment_id):
            return StartCoursePayment(course_id, learner_id, payment_id)
        case EnrolmentExpiring(payment_id=payment_id) | ReservationSuperseded(payment_id=payment_id):
            return CancelCoursePayment(course_id, learner_id, payment_id)
        case SurplusPaymentFound(payment_id=payment_id, buyer_id=buyer_id, as_of=as_of):
            refund_id = surplus_refund_id(payment_id, as_of)
            return RefundCoursePayment(
                course_id, learner_id, payment_id, refund_id, buyer_id, reason="duplicate"
            )
        case ReturnRequested(payment_id=payment_id, refund_id=refund_id, buyer_id=buyer_id) as asked:
            return RefundCoursePayment(
                course_id,
                learner_id,
                payment_id,
                refund_id,
                buyer_id,
                reason="requested_by_customer",
                stated_reason=asked.reason,
                note=asked.note,
            )
        case EnrolmentCompleted(enrolment_id=enrolment_id):
            return CertifyCompletion(course_id, learner_id, enrolment_id)
        case _:
            return None


def _of_payment(recorded: Recorded) -> Effect | None:
    match recorded.event:
        case SaleStandingChanged(purpose_ref=stream) as event if KIND.has(stream):
            course_id, learner_id = parts_of(stream)
            return FollowSale(
                course_id=course_id,
                learner_id=learner_id,
                payment_id=event.payment_id,
                buyer_id=event.user_id,
                revision=event.revision,
                standing=event.standing,
                cause=event.cause,
                cause_id=event.cause_id,
                as_of=recorded.version,
            )
        case RefundFailed(purpose_ref=stream, refund_id=refund_id) if KIND.has(stream):
            return ReopenEnrolment(*parts_of(stream), refund_id)
        case RefundCanceled(purpose_ref=stream, refund_id=refund_id) if KIND.has(stream):
            return ReopenEnrolment(*parts_of(stream), refund_id)
        case _:
            return None
