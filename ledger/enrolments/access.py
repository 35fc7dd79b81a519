"""What goes with a learner's access when it is lost, and comes back with it: decided together, as one."""

from __future__ import annotations

from ledger.enrolments.events import EnrolmentEvent
from ledger.enrolments.reviews import rules as reviews
from ledger.enrolments.state import Enrolment


def lost(enrolment: Enrolment) -> tuple[EnrolmentEvent, ...]:
    """`enrolment` as it was before."""
    return reviews.withdrawn(enrolment.review)


def regained(enrolment: Enrolment) -> tuple[EnrolmentEvent, ...]:
    """By the same purchase, or by another. `enrolment` as it was before."""
    return reviews.reinstated(enrolment.review)
