"""Free courses that are started: so many as the learner's plan allows, however many devices ask at once."""

from __future__ import annotations

from datetime import datetime

import msgspec

from api.http.problems import OWN_MEMBERS, Problem
from api.services import Services
from api.subscriptions.entitlements import COUNTS, require
from ledger.enrolments.state import Enrolment
from ledger.learners.commands import StartCourse
from ledger.learners.decider import LEARNER
from ledger.learners.refusals import CourseLimitReached
from ledger.learners.stream import stream_of
from ledger.message import Origin

VIEW = "view_courses"


class CourseLimitProblem(Problem, kw_only=True):
    """`used` of `limit` free courses are started."""

    feature: str
    used: int
    limit: int


def _told_limit(error: CourseLimitReached, said: Problem) -> Problem:
    return CourseLimitProblem(
        **msgspec.structs.asdict(said), feature=VIEW, used=error.used, limit=error.limit
    )


OWN_MEMBERS[CourseLimitReached] = _told_limit


async def _started(services: Services, user_id: str, _at: datetime) -> int:
    return len((await services.store.state(LEARNER, stream_of(user_id))).started)


COUNTS[VIEW] = _started


async def start(
    services: Services, origin: Origin, enrolment: Enrolment, course_id: str, learner_id: str
) -> None:
    """Counts the course, once, if it was free: what was sold at a price is had whatever the plan is, even
    where a coupon took all of that.

    Raises `FeatureMissing` and `CourseLimitReached`.
    """
    if enrolment.sold:
        return
    if course_id in (await services.store.state(LEARNER, stream_of(learner_id))).started:
        return
    plan = await require(services, learner_id, VIEW)
    command = StartCourse(
        command_id=f"start_course:{learner_id}:{course_id}",
        effective_at=services.now(),
        learner_id=learner_id,
        course_id=course_id,
        limit=plan.limit,
        tier=plan.tier,
        catalogue_version=services.catalogue.version,
    )
    await services.store.handle(command, origin)
