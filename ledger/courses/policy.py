"""What follows from who teaches a course: an instructor's review of it counts no more."""

from __future__ import annotations

from ledger.courses.events import InstructorAccepted
from ledger.effects import Effect, WithdrawReview
from ledger.message import Recorded


def react(recorded: Recorded) -> tuple[Effect, ...]:
    match recorded.event:
        case InstructorAccepted(course_id=course_id, user_id=user_id):
            return (WithdrawReview(course_id, user_id),)
        case _:
            return ()
