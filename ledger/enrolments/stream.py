"""How the stream of one enrolment is called: by the course and the learner, so that two purchases of one
course by one learner meet in it.
"""

from __future__ import annotations

from ledger.stream import StreamKind

KIND = StreamKind("enrolment")
_BETWEEN = "-"
"""Course ids are ours and have none; a learner's id may have any."""


def stream_of(course_id: str, learner_id: str) -> str:
    return KIND.stream_of(f"{course_id}{_BETWEEN}{learner_id}")


def parts_of(stream: str) -> tuple[str, str]:
    """The course and the learner of a stream of this kind."""
    course_id, _, learner_id = KIND.id_of(stream).partition(_BETWEEN)
    return course_id, learner_id
