"""Whether a course is given back, as its buyer asks for it."""

from __future__ import annotations

from ledger.enrolments.commands import RequestReturn, WithdrawReturn
from ledger.enrolments.events import EnrolmentEvent, ReturnRequested, ReturnWithdrawn
from ledger.enrolments.learning import rules as learning
from ledger.enrolments.refusals import NotEnrolled, NothingPaid, ReturnInProgress
from ledger.enrolments.state import Attempt, Enrolment
from ledger.errors import NotFound

_Events = tuple[EnrolmentEvent, ...]


def request_return(command: RequestReturn, enrolment: Enrolment) -> _Events:
    payment_id = command.payment_id or enrolment.payment_id
    paid = _returnable(payment_id, enrolment)
    if command.user_id != paid.buyer_id:
        raise NotFound("There is no such purchase of yours; who paid it can return it.")
    if paid.returning == command.refund_id:
        return ()
    if paid.returning:
        raise ReturnInProgress(f"Refund {paid.returning} of this purchase is under way; wait for it.")
    enrolment_id = paid.enrolment_id or payment_id
    learning.check_returnable(
        enrolment.learning.of(enrolment_id),
        command.syllabuses,
        to_learner=command.user_id == command.learner_id,
    )
    requested = ReturnRequested(
        enrolment_id=enrolment_id,
        payment_id=payment_id,
        refund_id=command.refund_id,
        buyer_id=paid.buyer_id,
        reason=command.reason,
        note=command.note,
    )
    return (requested,)


def _returnable(payment_id: str, enrolment: Enrolment) -> Attempt:
    """What gives access, or what gave it before a part of its money went back: the rest can be asked for.
    How much that is, the payment knows.
    """
    paid = enrolment.attempts.get(payment_id)
    if paid is not None and paid.given_back:
        return paid
    if not enrolment.is_live:
        raise NotEnrolled(f"This enrolment is {enrolment.status or 'not there'}: nothing can be returned.")
    if payment_id != enrolment.payment_id:
        raise NotEnrolled(
            f"Payment {payment_id} is not the one that gives access to the course. What was paid "
            "twice goes back by itself; for anything else ask an administrator."
        )
    if paid is None:
        raise NothingPaid("Nothing was paid for this enrolment, so that nothing can be given back.")
    return paid


def withdraw_return(command: WithdrawReturn, enrolment: Enrolment) -> _Events:
    """Also of a payment that gives no access any more."""
    for payment_id, attempt in enrolment.attempts.items():
        if attempt.returning == command.refund_id:
            enrolment_id = attempt.enrolment_id or payment_id
            withdrawn = ReturnWithdrawn(
                enrolment_id=enrolment_id, refund_id=command.refund_id, payment_id=payment_id
            )
            return (withdrawn,)
    return ()
