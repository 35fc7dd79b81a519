"""The commands that an enrolment and its payments ask of each other. Pure: who delivers an effect sends them.

Their ids are made of what the effect is about, so that any number of deliveries is one.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal, assert_never

from ledger.effects import (
    CancelCoursePayment,
    EnrolmentEffect,
    FollowSale,
    RefundCoursePayment,
    ReopenEnrolment,
    StartCoursePayment,
)
from ledger.enrolments.commands import (
    ActivateEnrolment,
    GrantEnrolment,
    PaymentNews,
    ReleaseEnrolment,
    RestoreEnrolment,
    RevokeEnrolment,
    WithdrawReturn,
)
from ledger.enrolments.events import EnrolmentReserved
from ledger.enrolments.state import Enrolment
from ledger.enrolments.stream import stream_of
from ledger.message import Command
from ledger.payments.commands import CancelPayment, InitiatePayment, RequestRefund

NEVER_STARTED = 1
"""As of the payment's first fact, which tells nothing of how the sale stands: all news of it are later."""
_RETURN = "requested_by_customer"
"""The reason of a refund that its buyer asked for: the enrolment is frozen until it came to something."""
_DONE = frozenset({"already_refunded", "refund_exists"})
"""Refusals of a refund that say that the money is on its way back."""


def asked(effect: EnrolmentEffect, enrolment: Enrolment, at: datetime) -> Command | None:
    """What to send; None when there is nothing left to do."""
    match effect:
        case StartCoursePayment():
            reserved = enrolment.reservation
            held = reserved is not None and reserved.payment_id == effect.payment_id
            return _start(reserved, at) if reserved and held and not enrolment.expiring else None
        case CancelCoursePayment():
            return CancelPayment(
                command_id=f"cancel_course_payment:{effect.payment_id}",
                effective_at=at,
                payment_id=effect.payment_id,
                user_id="",
                by_system=True,
                reason="abandoned",
            )
        case RefundCoursePayment():
            asked_for = enrolment.returning_of(effect.payment_id)
            is_over = effect.reason == _RETURN and asked_for != effect.refund_id
            return None if is_over else _refund(effect, at)
        case FollowSale():
            return _follow(effect, at)
        case ReopenEnrolment():
            return _reopen(effect, at)
        case _:
            assert_never(effect)


def instead(effect: EnrolmentEffect, code: str, at: datetime) -> Command | None:
    """What to send when the rules refused, with `code`, what was asked; None when that says that it is done.

    Raises `Unanswered` for what must be asked again later.
    """
    match effect:
        case StartCoursePayment() | CancelCoursePayment():
            # nothing was begun, or can be, that could still take money
            reason = "never_started" if isinstance(effect, CancelCoursePayment) else code
            return ReleaseEnrolment(
                command_id=f"release_unstarted:{effect.payment_id}:{reason}",
                effective_at=at,
                course_id=effect.course_id,
                learner_id=effect.learner_id,
                payment_id=effect.payment_id,
                as_of=NEVER_STARTED,
                reason=reason,
            )
        case RefundCoursePayment() if effect.reason == _RETURN:
            return _reopen(effect, at)
        case _ if code in _DONE:
            return None
        case _:
            raise Unanswered(code)


class Unanswered(Exception):
    """Refused for now, such as a refund while the bank disputes the payment."""


def _start(reserved: EnrolmentReserved, at: datetime) -> InitiatePayment | GrantEnrolment:
    if reserved.amount_minor == 0:
        return GrantEnrolment(
            command_id=f"grant_enrolment:{reserved.enrolment_id}",
            effective_at=at,
            course_id=reserved.course_id,
            learner_id=reserved.learner_id,
            enrolment_id=reserved.enrolment_id,
        )
    return InitiatePayment(
        command_id=f"course_payment:{reserved.payment_id}",
        effective_at=at,
        payment_id=reserved.payment_id,
        user_id=reserved.buyer_id,
        amount_minor=reserved.amount_minor,
        currency=reserved.currency,
        payment_method_id=reserved.payment_method_id,
        purpose="course",
        purpose_ref=stream_of(reserved.course_id, reserved.learner_id),
        stripe_customer_id=reserved.stripe_customer_id,
        save_payment_method=reserved.save_payment_method,
        sale=reserved.sale,
        page=reserved.page,
    )


def _refund(effect: RefundCoursePayment, at: datetime) -> RequestRefund:
    """All that is left. One that was paid twice goes back whenever that is found; a return has the window of
    any refund, and takes the access until any part of what was given back comes to nothing.
    """
    surplus = effect.reason != _RETURN
    return RequestRefund(
        command_id=f"refund_course_payment:{effect.refund_id}",
        effective_at=at,
        payment_id=effect.payment_id,
        refund_id=effect.refund_id,
        amount_minor=None,
        reason="duplicate" if surplus else _stated(effect),
        by_admin=surplus,
        user_id=effect.buyer_id,
        note="The course was paid twice." if surplus else effect.note,
        revoke_access=not surplus,
    )


def _stated(effect: RefundCoursePayment) -> Literal["requested_by_customer", "duplicate", "fraudulent"]:
    match effect.stated_reason:
        case "duplicate" | "fraudulent" as stated:
            return stated
        case _:
            return "requested_by_customer"


def _follow(effect: FollowSale, at: datetime) -> PaymentNews | None:
    to = {
        "command_id": f"follow_sale:{effect.payment_id}:{effect.as_of}",
        "course_id": effect.course_id,
        "learner_id": effect.learner_id,
        "payment_id": effect.payment_id,
    }
    because = {"cause": effect.cause, "cause_id": effect.cause_id}
    bought_by, revision = effect.buyer_id, effect.revision
    match effect.standing:
        case "paid" if effect.cause == "captured":
            return ActivateEnrolment(
                **to, effective_at=at, as_of=effect.as_of, buyer_id=bought_by, revision=revision
            )
        case "paid":
            return RestoreEnrolment(
                **to, **because, effective_at=at, as_of=effect.as_of, buyer_id=bought_by, revision=revision
            )
        case "unpaid":
            return ReleaseEnrolment(**to, effective_at=at, as_of=effect.as_of, reason=effect.cause)
        case "given_back":
            return RevokeEnrolment(**to, **because, effective_at=at, as_of=effect.as_of, buyer_id=bought_by)
        case _:
            return None


def _reopen(effect: ReopenEnrolment | RefundCoursePayment, at: datetime) -> WithdrawReturn:
    return WithdrawReturn(
        command_id=f"withdraw_return:{effect.refund_id}",
        effective_at=at,
        course_id=effect.course_id,
        learner_id=effect.learner_id,
        refund_id=effect.refund_id,
    )
