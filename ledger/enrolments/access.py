"""What goes with a learner's access when it is lost, and comes back with it: one decision, in one stream."""

from __future__ import annotations

from ledger.enrolments.commands import (
    ActivateEnrolment,
    GrantEnrolment,
    ReserveEnrolment,
    RestoreEnrolment,
    RevokeEnrolment,
)
from ledger.enrolments.events import EnrolmentEvent
from ledger.enrolments.learning import rules as learning
from ledger.enrolments.reviews import rules as reviews
from ledger.enrolments.state import Enrolment


def lost(enrolment: Enrolment, enrolment_id: str, command: RevokeEnrolment) -> tuple[EnrolmentEvent, ...]:
    """Beside the access of that attempt, whose money was given back. `enrolment` as it was before."""
    progress = enrolment.learning.of(enrolment_id)
    certificate = learning.lost(enrolment_id, progress, command.cause, command.cause_id)
    return (*certificate, *reviews.withdrawn(enrolment.review)) if enrolment.is_live else certificate


def regained(
    enrolment: Enrolment,
    enrolment_id: str,
    command: ReserveEnrolment | GrantEnrolment | ActivateEnrolment | RestoreEnrolment,
) -> tuple[EnrolmentEvent, ...]:
    """Beside the access of that attempt: by the same purchase, whose certificate comes back too, or by
    another. `enrolment` as it was before.
    """
    because = (command.cause, command.cause_id) if isinstance(command, RestoreEnrolment) else ("captured", "")
    certificate = learning.regained(enrolment_id, enrolment.learning.of(enrolment_id), *because)
    return (*certificate, *reviews.reinstated(enrolment.review))
