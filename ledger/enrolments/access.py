"""What goes with a learner's access, and comes back with it: one decision, in one stream."""

from __future__ import annotations

from ledger.enrolments.commands import ActivateEnrolment, RestoreEnrolment, RevokeEnrolment
from ledger.enrolments.events import EnrolmentEvent
from ledger.enrolments.learning import rules as learning
from ledger.enrolments.state import Enrolment


def lost(enrolment: Enrolment, enrolment_id: str, command: RevokeEnrolment) -> tuple[EnrolmentEvent, ...]:
    """Beside the access of that attempt, whose money was given back."""
    progress = enrolment.learning.of(enrolment_id)
    return learning.lost(enrolment_id, progress, command.cause, command.cause_id)


def regained(
    enrolment: Enrolment, enrolment_id: str, command: ActivateEnrolment | RestoreEnrolment
) -> tuple[EnrolmentEvent, ...]:
    """Beside the access of that attempt, whose money is there again. An attempt that is new has nothing."""
    because = (
        ("captured", "") if isinstance(command, ActivateEnrolment) else (command.cause, command.cause_id)
    )
    return learning.regained(enrolment_id, enrolment.learning.of(enrolment_id), *because)
