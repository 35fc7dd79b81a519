"""What an author's uploads ask for: the course itself, in its own stream."""

from __future__ import annotations

from ledger.authors.events import UploadAccepted
from ledger.effects import CreateCourse, Effect
from ledger.message import Recorded


def react(recorded: Recorded) -> tuple[Effect, ...]:
    match recorded.event:
        case UploadAccepted(user_id=user_id, course_id=course_id):
            return (CreateCourse(user_id, course_id, recorded.version),)
        case _:
            return ()
