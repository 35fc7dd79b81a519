"""Whether a course is given back, as its buyer asks for it."""

from __future__ import annotations

from ledger.enrolments.commands import RequestReturn, WithdrawReturn
from ledger.enrolments.events import EnrolmentEvent, ReturnRequested, ReturnWithdrawn
from ledger.enrolments.learning import rules as learning
from ledger.enrolments.refusals import NotEnrolled, NothingPaid, ReturnInProgress
from ledger.enrolments.state import Enrolment
from ledger.errors import NotFound

_Events = tuple[EnrolmentEvent, ...]


def request_return(command: RequestReturn, enrolment: Enrolment) -> _Events:
    if not enrolment.is_live:
        raise NotEnrolled(f"This enrolment is {enrolment.status or 'not there'}: nothing can be returned.")
    paid = enrolment.attempts.get(enrolment.payment_id)
    if paid is None:
        raise NothingPaid("Nothing was paid for this enrolment, so that nothing can be given back.")
    if command.user_id != paid.buyer_id:
        raise NotFound("There is no such purchase of yours; who paid it can return it.")
    if command.payment_id not in {"", enrolment.payment_id}:
        raise NotEnrolled(
            f"Payment {command.payment_id} is not the one that gives access to the course. What was paid "
            "twice goes back by itself; for anything else ask an administrator."
        )
    if enrolment.returning == command.refund_id:
        return ()
    if enrolment.returning:
        raise ReturnInProgress(f"Refund {enrolment.returning} of this purchase is under way; wait for it.")
    learning.check_returnable(enrolment.learning.of(enrolment.enrolment_id), command.syllabuses)
    requested = ReturnRequested(
        enrolment_id=enrolment.enrolment_id,
        payment_id=enrolment.payment_id,
        refund_id=command.refund_id,
        buyer_id=paid.buyer_id,
        reason=command.reason,
        note=command.note,
    )
    return (requested,)


def withdraw_return(command: WithdrawReturn, enrolment: Enrolment) -> _Events:
    if enrolment.returning != command.refund_id:
        return ()
    return (ReturnWithdrawn(enrolment_id=enrolment.enrolment_id, refund_id=command.refund_id),)
