"""What an enrolment and its coupon ask of each other: all of it in the ledger, and nothing of Stripe."""

from __future__ import annotations

import structlog

from api.stripe.delivery import Delivered, Tools, as_worker
from ledger.coupons.following import news_of, use_of, without_use
from ledger.effects import CouponEffect, FollowCouponUse, HoldCouponUse, kind_of
from ledger.enrolments.decider import ENROLMENT
from ledger.enrolments.stream import stream_of
from ledger.errors import Refused
from ledger.message import Origin, Recorded

log = structlog.get_logger()


async def deliver(tools: Tools, effect: CouponEffect, origin: Origin, _cause: Recorded | None) -> Delivered:
    """Once, however often this is delivered."""
    if isinstance(effect, FollowCouponUse):
        news = news_of(effect, tools.clock.now())
        return Delivered(await tools.store.handle(news, as_worker(origin)) if news else None)
    return await _hold(tools, effect, as_worker(origin))


async def _hold(tools: Tools, effect: HoldCouponUse, system: Origin) -> Delivered:
    """The use, or the end of the reservation where there is none for it."""
    enrolment = await tools.store.state(ENROLMENT, stream_of(effect.course_id, effect.learner_id))
    now = tools.clock.now()
    use = use_of(effect, enrolment, now)
    if use is None:
        return Delivered()
    try:
        return Delivered(await tools.store.handle(use, system))
    except Refused as refusal:
        log.info("coupon_use_refused", effect=kind_of(effect), code=refusal.code)
        return Delivered(await tools.store.handle(without_use(effect, refusal.code, now), system))
