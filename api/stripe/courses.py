"""The one effect that asks nothing of Stripe: an upload that was accepted becomes a course.

Two streams, so two commands; the outbox sees to it that the second follows the first.
"""

from __future__ import annotations

from api.stripe.wiring import Delivered, Postponed, Wiring
from ledger import effects
from ledger.authors.events import UploadAccepted
from ledger.authors.stream import stream_of
from ledger.courses.commands import CreateCourse
from ledger.message import Origin


async def create(wiring: Wiring, effect: effects.CreateCourse, origin: Origin) -> Delivered:
    """Once for an upload, however often this is delivered."""
    accepted = await _accepted(wiring, effect)
    command = CreateCourse(
        command_id=f"upload:{effect.course_id}",
        effective_at=wiring.clock.now(),
        course_id=effect.course_id,
        user_id=effect.user_id,
        content=accepted.content,
    )
    worker = Origin(
        actor="worker",
        roles=frozenset({"system"}),
        correlation_id=origin.correlation_id,
        causation_id=origin.causation_id,
    )
    return Delivered(await wiring.store.handle(command, worker))


async def _accepted(wiring: Wiring, effect: effects.CreateCourse) -> UploadAccepted:
    facts = await wiring.store.read_stream(stream_of(effect.user_id), effect.version - 1)
    event = facts[0].event if facts else None
    if not isinstance(event, UploadAccepted) or event.course_id != effect.course_id:
        raise Postponed(f"the ledger has not accepted the course {effect.course_id}")
    return event
