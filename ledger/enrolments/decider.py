"""The rules of one learner's enrolment in one course: one purchase at a time, at most one payment is kept.

What people ask for is judged. What is said of a payment is recorded in whatever order it comes: money that
was captured gives access unless the learner has it by another payment, and then it is given back.
"""

from __future__ import annotations

from typing import get_args

from ledger.enrolments import ordered, payment_news, purchasing, redeeming, returning
from ledger.enrolments.commands import (
    DeclineMember,
    EnrolMember,
    EnrolmentCommand,
    EnrolRedeemer,
    ExpireReservation,
    GrantEnrolment,
    RequestReturn,
    ReserveEnrolment,
    ReturnOrdered,
    RevokeOrdered,
    RevokeRedeemed,
    WithdrawReturn,
)
from ledger.enrolments.events import EnrolmentEvent
from ledger.enrolments.learning import rules as learning
from ledger.enrolments.learning.commands import LearningCommand
from ledger.enrolments.reviews import rules as reviews
from ledger.enrolments.reviews.commands import ReviewCommand
from ledger.enrolments.state import Enrolment, evolve
from ledger.enrolments.stream import stream_of
from ledger.message import Decider

_Events = tuple[EnrolmentEvent, ...]


def decide(  # noqa: C901, PLR0911 - one answer for each kind of command
    command: EnrolmentCommand, enrolment: Enrolment
) -> _Events:
    if isinstance(command, ReviewCommand):
        progress = enrolment.learning.of(enrolment.enrolment_id)
        learner = reviews.Learner(enrolment.is_live, progress.bp, enrolment.returning)
        return reviews.decide(command, enrolment.review, learner)
    match command:
        case ReserveEnrolment():
            return purchasing.reserve(command, enrolment)
        case GrantEnrolment():
            return purchasing.grant(command, enrolment)
        case EnrolRedeemer():
            return redeeming.enrol(command, enrolment)
        case RevokeRedeemed():
            return redeeming.revoke(command, enrolment)
        case EnrolMember() | DeclineMember() | ReturnOrdered() | RevokeOrdered():
            return ordered.decide(command, enrolment)
        case ExpireReservation():
            return purchasing.expire(command, enrolment)
        case RequestReturn():
            return returning.request_return(command, enrolment)
        case WithdrawReturn():
            return returning.withdraw_return(command, enrolment)
        case _ if isinstance(command, LearningCommand):
            progress = enrolment.learning.of(enrolment.enrolment_id)
            return learning.decide(command, standing_of(enrolment), progress)
        case _:
            return payment_news.follow(command, enrolment)


def standing_of(enrolment: Enrolment) -> learning.Standing:
    """As learning asks for it."""
    return learning.Standing(
        enrolment.status, enrolment.is_live, enrolment.enrolment_id, enrolment.attempt, enrolment.returning
    )


def stream(command: EnrolmentCommand) -> str:
    return stream_of(command.course_id, command.learner_id)


ENROLMENT: Decider[EnrolmentCommand, Enrolment, EnrolmentEvent] = Decider(
    stream=stream,
    decide=decide,
    evolve=evolve,
    initial=Enrolment(),
    commands=get_args(EnrolmentCommand),
    events=get_args(EnrolmentEvent),
)
