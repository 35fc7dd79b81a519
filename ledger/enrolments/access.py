"""What goes with a learner's access when it is lost, and comes back with it: one decision, in one stream."""

from __future__ import annotations

from ledger.enrolments.commands import (
    ActivateEnrolment,
    EnrolMember,
    EnrolRedeemer,
    GrantEnrolment,
    ReserveEnrolment,
    RestoreEnrolment,
)
from ledger.enrolments.events import EnrolmentEvent
from ledger.enrolments.learning import rules as learning
from ledger.enrolments.reviews import rules as reviews
from ledger.enrolments.state import Enrolment


def lost(enrolment: Enrolment, enrolment_id: str, cause: str, cause_id: str) -> tuple[EnrolmentEvent, ...]:
    """Beside the access of that attempt, of which the price was given back. `enrolment` as it was before."""
    progress = enrolment.learning.of(enrolment_id)
    certificate = learning.lost(enrolment_id, progress, cause, cause_id)
    return (*certificate, *reviews.withdrawn(enrolment.review)) if enrolment.is_live else certificate


def regained(
    enrolment: Enrolment,
    enrolment_id: str,
    command: ReserveEnrolment
    | GrantEnrolment
    | EnrolRedeemer
    | EnrolMember
    | ActivateEnrolment
    | RestoreEnrolment,
) -> tuple[EnrolmentEvent, ...]:
    """Beside the access of that attempt: by the same purchase, whose certificate comes back too, or by
    another. `enrolment` as it was before.
    """
    because = (command.cause, command.cause_id) if isinstance(command, RestoreEnrolment) else ("captured", "")
    certificate = learning.regained(enrolment_id, enrolment.learning.of(enrolment_id), *because)
    return (*certificate, *reviews.reinstated(enrolment.review))
