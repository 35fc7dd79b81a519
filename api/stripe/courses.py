"""What follows for a course from another stream: an upload that was accepted becomes one, and a learner who
comes to teach it has no review of it. Nothing is asked of Stripe.

Two streams, so two commands; the outbox sees to it that the second follows the first.
"""

from __future__ import annotations

from api.stripe.delivery import Delivered, Postponed, Tools, as_worker
from ledger import effects
from ledger.authors.events import UploadAccepted
from ledger.authors.stream import stream_of
from ledger.courses.commands import CreateCourse
from ledger.enrolments.reviews.commands import WithdrawReview
from ledger.ids import new_id
from ledger.message import Origin, Recorded
from ledger.store import Store


async def create(
    tools: Tools, effect: effects.CreateCourse, origin: Origin, cause: Recorded | None
) -> Delivered:
    """Once for an upload, however often this is delivered."""
    accepted = await _accepted(tools.store, effect, cause)
    command = CreateCourse(
        command_id=f"upload:{effect.course_id}",
        effective_at=tools.clock.now(),
        course_id=effect.course_id,
        user_id=effect.user_id,
        content=accepted.content,
    )
    return Delivered(await tools.store.handle(command, as_worker(origin)))


async def withdraw_review(tools: Tools, effect: effects.WithdrawReview, origin: Origin) -> Delivered:
    """Nothing when there is none, or it is withdrawn for that already."""
    command = WithdrawReview(
        command_id=new_id("cmd"),
        effective_at=tools.clock.now(),
        course_id=effect.course_id,
        learner_id=effect.learner_id,
    )
    return Delivered(await tools.store.handle(command, as_worker(origin)))


async def _accepted(store: Store, effect: effects.CreateCourse, cause: Recorded | None) -> UploadAccepted:
    if cause is None:
        facts = await store.read_stream(stream_of(effect.user_id), effect.version - 1)
        cause = facts[0] if facts else None
    event = cause.event if cause is not None else None
    if not isinstance(event, UploadAccepted) or event.course_id != effect.course_id:
        raise Postponed(f"the ledger has not accepted the course {effect.course_id}")
    return event
