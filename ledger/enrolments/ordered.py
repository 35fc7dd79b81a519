"""A course that an organisation orders for its member: given on the order's terms, paid by its invoice."""

from __future__ import annotations

from ledger.enrolments import access
from ledger.enrolments.commands import (
    DeclineMember,
    EnrolMember,
    ReturnOrdered,
    RevokeOrdered,
)
from ledger.enrolments.events import (
    EnrolmentActivated,
    EnrolmentEvent,
    EnrolmentRevoked,
    OrderedCourseDeclined,
)
from ledger.enrolments.learning import rules as learning
from ledger.enrolments.purchasing import superseded
from ledger.enrolments.refusals import (
    AlreadyEnrolled,
    InvalidText,
    NotEnrolled,
    OwnCourse,
    PurchaseInProgress,
)
from ledger.enrolments.state import Enrolment
from ledger.errors import Refused
from ledger.ids import derived_id
from ledger.payments.decider import REFUND_WINDOW
from ledger.payments.refusals import RefundWindowClosed
from ledger.visible import is_visible

RETURNED, UNPAID = "order_returned", "order_unpaid"
REASON_MAX = 500
_Events = tuple[EnrolmentEvent, ...]


def enrolment_id_of(order_id: str, course_id: str, learner_id: str) -> str:
    return derived_id("enr", "order", order_id, course_id, learner_id)


def check_free(learner_id: str, sellers: set[str], enrolment: Enrolment) -> None:
    """Whether the course can be given to that user. Raises what their own purchase is refused with. A gift
    that is not paid yet bars it as little as it bars a purchase.
    """
    if learner_id in sellers:
        raise OwnCourse("This is a course of their own.")
    if enrolment.is_live:
        raise AlreadyEnrolled("They have this course already.")
    under_way = enrolment.reservation
    if under_way is not None and under_way.buyer_id == learner_id:
        raise PurchaseInProgress(under_way.payment_id, None if enrolment.expiring else under_way.expires_at)


def decide(
    command: EnrolMember | DeclineMember | ReturnOrdered | RevokeOrdered, enrolment: Enrolment
) -> _Events:
    match command:
        case EnrolMember():
            return _enrol(command, enrolment)
        case DeclineMember():
            return (_declined(command, command.reason),)
        case ReturnOrdered():
            return _return(command, enrolment)
        case RevokeOrdered():
            return _revoked(command, enrolment, UNPAID)


def _enrol(command: EnrolMember, enrolment: Enrolment) -> _Events:
    sale = command.sale
    try:
        check_free(command.learner_id, {part.user_id for part in sale.instructors}, enrolment)
    except Refused as refusal:
        return (_declined(command, refusal.code),)
    activated = EnrolmentActivated(
        enrolment_id=enrolment_id_of(command.order_id, command.course_id, command.learner_id),
        course_id=command.course_id,
        learner_id=command.learner_id,
        buyer_id=command.learner_id,
        attempt=enrolment.attempt + 1,
        revision=sale.revision,
        sale=sale,
        currency=command.currency,
        activated_at=command.effective_at,
        order_id=command.order_id,
    )
    back = access.regained(enrolment, activated.enrolment_id, command)
    return *superseded(enrolment, ""), activated, *back


def _declined(command: EnrolMember | DeclineMember, reason: str) -> OrderedCourseDeclined:
    return OrderedCourseDeclined(learner_id=command.learner_id, order_id=command.order_id, reason=reason)


def _return(command: ReturnOrdered, enrolment: Enrolment) -> _Events:
    """As whoever paid returns a course: for so many days, and while little of it is learnt."""
    if not is_visible(command.reason) or len(command.reason) > REASON_MAX or "\0" in command.reason:
        raise InvalidText(f"`reason` must have from 1 to {REASON_MAX} characters to be seen, and no NUL.")
    if not (found := _revoked(command, enrolment, RETURNED, command.reason)):
        enrolment_id = enrolment_id_of(command.order_id, command.course_id, command.learner_id)
        raise NotEnrolled(
            "This course was returned already, or taken back: nothing more comes back of it."
            if enrolment.enrolment_id == enrolment_id
            else "The learner does not have this course by this order: nothing can be returned."
        )
    if command.by_admin:
        return found
    progress = enrolment.learning.of(enrolment.enrolment_id)
    if progress.begun_at is None or command.effective_at > progress.begun_at + REFUND_WINDOW:
        raise RefundWindowClosed(
            f"A course can be returned for {REFUND_WINDOW.days} days; after that, ask an administrator."
        )
    learning.check_returnable(progress, command.syllabuses, to_learner=False)
    return found


def _revoked(
    command: ReturnOrdered | RevokeOrdered, enrolment: Enrolment, cause: str, reason: str = ""
) -> _Events:
    """Nothing where the learner has the course by something else."""
    enrolment_id = enrolment_id_of(command.order_id, command.course_id, command.learner_id)
    if not enrolment.is_live or enrolment.enrolment_id != enrolment_id:
        return ()
    revoked = EnrolmentRevoked(
        enrolment_id=enrolment_id,
        payment_id="",
        cause=cause,
        cause_id=command.order_id,
        as_of=0,
        buyer_id=command.learner_id,
        reason=reason,
    )
    return revoked, *access.lost(enrolment, enrolment_id, cause, command.order_id)
