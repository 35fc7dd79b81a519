"""What is said of the payments for a course, in whatever order it comes: one of them is kept."""

from __future__ import annotations

from typing import assert_never

from ledger.enrolments import access
from ledger.enrolments.commands import (
    ActivateEnrolment,
    PaymentNews,
    ReleaseEnrolment,
    RestoreEnrolment,
    RevokeEnrolment,
)
from ledger.enrolments.events import (
    EnrolmentActivated,
    EnrolmentEvent,
    EnrolmentReleased,
    EnrolmentRestored,
    EnrolmentRevoked,
    ReservationSuperseded,
    ReturnWithdrawn,
    SurplusPaymentFound,
    SurplusPaymentReturned,
)
from ledger.enrolments.state import Attempt, Enrolment

_Events = tuple[EnrolmentEvent, ...]


def follow(command: PaymentNews, enrolment: Enrolment) -> _Events:
    """Each piece of news is one fact at least, so that what is older than it is known as that."""
    attempt = enrolment.attempts.get(command.payment_id, Attempt())
    if enrolment.is_granted(attempt):
        return ()
    if command.as_of <= attempt.as_of:
        return _late(command, attempt)
    match command:
        case ActivateEnrolment() | RestoreEnrolment():
            return _paid(command, enrolment, attempt)
        case ReleaseEnrolment():
            released = EnrolmentReleased(
                enrolment_id=_id_of(command, attempt),
                payment_id=command.payment_id,
                reason=command.reason,
                as_of=command.as_of,
                coupon=attempt.coupon,
            )
            return (released,)
        case RevokeEnrolment():
            return _given_back(command, enrolment, attempt)
        case _:
            assert_never(command)


def _late(command: PaymentNews, attempt: Attempt) -> _Events:
    """What is older than it is known changes nothing, but that a return which was done is not waited for."""
    if not isinstance(command, RevokeEnrolment | RestoreEnrolment):
        return ()
    if not attempt.returning or command.cause_id != attempt.returning:
        return ()
    withdrawn = ReturnWithdrawn(
        enrolment_id=_id_of(command, attempt), refund_id=attempt.returning, payment_id=command.payment_id
    )
    return (withdrawn,)


def _paid(command: ActivateEnrolment | RestoreEnrolment, enrolment: Enrolment, attempt: Attempt) -> _Events:
    if enrolment.is_live_by_another(command.payment_id):
        surplus = SurplusPaymentFound(
            payment_id=command.payment_id,
            buyer_id=command.buyer_id,
            kept_payment_id=enrolment.payment_id,
            as_of=command.as_of,
        )
        return (surplus,)
    active = _active(command, enrolment, attempt)
    back = access.regained(enrolment, active.enrolment_id, command)
    if enrolment.status != "reserved" or enrolment.payment_id == command.payment_id:
        return active, *back
    superseded = ReservationSuperseded(
        enrolment_id=enrolment.enrolment_id,
        payment_id=enrolment.payment_id,
        by_payment_id=command.payment_id,
        coupon=enrolment.reservation.coupon if enrolment.reservation else "",
    )
    return superseded, active, *back


def _active(
    command: ActivateEnrolment | RestoreEnrolment, enrolment: Enrolment, attempt: Attempt
) -> EnrolmentActivated | EnrolmentRestored:
    was_active = attempt.given_back and not attempt.surplus
    if isinstance(command, RestoreEnrolment) and (was_active or enrolment.payment_id == command.payment_id):
        return EnrolmentRestored(
            enrolment_id=_id_of(command, attempt),
            payment_id=command.payment_id,
            buyer_id=command.buyer_id,
            attempt=attempt.number or enrolment.attempt + 1,
            revision=attempt.revision or command.revision,
            cause=command.cause,
            cause_id=command.cause_id,
            as_of=command.as_of,
            amount_minor=attempt.amount_minor,
            currency=attempt.currency,
            activated_at=command.effective_at,
            coupon=attempt.coupon,
        )
    return EnrolmentActivated(
        enrolment_id=_id_of(command, attempt),
        course_id=command.course_id,
        learner_id=command.learner_id,
        buyer_id=command.buyer_id,
        attempt=attempt.number or enrolment.attempt + 1,
        revision=attempt.revision or command.revision,
        payment_id=command.payment_id,
        amount_minor=attempt.amount_minor,
        currency=attempt.currency,
        as_of=command.as_of,
        activated_at=command.effective_at,
        coupon=attempt.coupon,
        completed=enrolment.learning.of(_id_of(command, attempt)).completed is not None,
    )


def _given_back(command: RevokeEnrolment, enrolment: Enrolment, attempt: Attempt) -> _Events:
    if attempt.surplus or enrolment.is_live_by_another(command.payment_id):
        surplus = SurplusPaymentReturned(
            payment_id=command.payment_id,
            as_of=command.as_of,
            cause_id=command.cause_id,
            buyer_id=command.buyer_id,
        )
        return (surplus,)
    revoked = EnrolmentRevoked(
        enrolment_id=_id_of(command, attempt),
        payment_id=command.payment_id,
        cause=command.cause,
        cause_id=command.cause_id,
        as_of=command.as_of,
        coupon=attempt.coupon,
        buyer_id=attempt.buyer_id or command.buyer_id,
    )
    return revoked, *access.lost(enrolment, revoked.enrolment_id, command.cause, command.cause_id)


def _id_of(command: PaymentNews, attempt: Attempt) -> str:
    """A payment that was taken up from Stripe, whose reservation is gone here, is its own enrolment."""
    return attempt.enrolment_id or command.payment_id
