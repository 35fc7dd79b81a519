"""What an enrolment and its payments ask of each other: all of it in the ledger, and nothing of Stripe."""

from __future__ import annotations

import structlog

from api.stripe.delivery import Delivered, Postponed, Tools, as_worker
from api.stripe.payments import surplus
from ledger.effects import EnrolmentEffect, RefundCoursePayment, kind_of
from ledger.enrolments.decider import ENROLMENT
from ledger.enrolments.following import Unanswered, asked, instead
from ledger.enrolments.stream import stream_of
from ledger.errors import Refused
from ledger.message import Origin, Recorded

log = structlog.get_logger()


async def deliver(
    tools: Tools, effect: EnrolmentEffect, origin: Origin, _cause: Recorded | None
) -> Delivered:
    """Once, however often this is delivered. Raises Postponed for what the rules refuse for now only."""
    if isinstance(effect, RefundCoursePayment) and effect.reason == "duplicate":
        await surplus.check_due(tools, effect)
    enrolment = await tools.store.state(ENROLMENT, stream_of(effect.course_id, effect.learner_id))
    now, system = tools.clock.now(), as_worker(origin)
    command = asked(effect, enrolment, now)
    if command is None:
        return Delivered()
    try:
        return Delivered(await tools.store.handle(command, system))
    except Refused as refusal:
        log.info("enrolment_effect_refused", effect=kind_of(effect), code=refusal.code)
        try:
            command = instead(effect, refusal.code, now)
        except Unanswered as why:
            raise Postponed(refusal.detail) from why
    return Delivered(await tools.store.handle(command, system)) if command else Delivered()
