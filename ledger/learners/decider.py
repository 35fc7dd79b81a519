"""The rule of the courses that one learner starts: no more free ones than the plan allows.

It is the learner's stream, as two courses that are started on two devices with one left are one decision.
"""

from __future__ import annotations

from msgspec import Struct

from ledger.learners.commands import LearnerCommand, StartCourse
from ledger.learners.events import CourseStarted, LearnerEvent
from ledger.learners.refusals import CourseLimitReached
from ledger.learners.stream import stream_of
from ledger.message import Decider
from ledger.persistent import PersistentSet


class Learner(Struct, frozen=True):
    started: PersistentSet = PersistentSet()
    """Ids of courses; one that is started stays so."""


def decide(command: LearnerCommand, learner: Learner) -> tuple[LearnerEvent, ...]:
    if command.course_id in learner.started:
        return ()
    used = len(learner.started)
    if command.limit is not None and used >= command.limit:
        raise CourseLimitReached(
            f"The plan {command.tier} has {command.limit} free courses, and {used} are started.",
            used=used,
            limit=command.limit,
        )
    started = CourseStarted(
        learner_id=command.learner_id,
        course_id=command.course_id,
        tier=command.tier,
        catalogue_version=command.catalogue_version,
        limit=command.limit,
    )
    return (started,)


def evolve(learner: Learner, event: LearnerEvent) -> Learner:
    return Learner(started=learner.started.add(event.course_id))


def stream(command: LearnerCommand) -> str:
    return stream_of(command.learner_id)


LEARNER: Decider[LearnerCommand, Learner, LearnerEvent] = Decider(
    stream=stream,
    decide=decide,
    evolve=evolve,
    initial=Learner(),
    commands=(StartCourse,),
    events=(CourseStarted,),
)
