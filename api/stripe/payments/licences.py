"""What a licence and its payments by card ask of each other: all of it is in the ledger."""

from __future__ import annotations

import structlog

from api.stripe.delivery import Delivered, Postponed, Tools, as_worker
from ledger.effects import LicenceEffect, kind_of
from ledger.errors import Refused
from ledger.licences.decider import LICENCE
from ledger.licences.following import asked, instead
from ledger.licences.stream import stream_of
from ledger.message import Origin

log = structlog.get_logger()


async def deliver(tools: Tools, effect: LicenceEffect, origin: Origin) -> Delivered:
    """Once, however often this is delivered. Raises Postponed for what the rules refuse for now only."""
    licence = await tools.store.state(LICENCE, stream_of(effect.licence_id))
    now, system = tools.clock.now(), as_worker(origin)
    command = asked(effect, licence, now)
    if command is None:
        return Delivered()
    try:
        return Delivered(await tools.store.handle(command, system))
    except Refused as refusal:
        log.info("licence_effect_refused", effect=kind_of(effect), code=refusal.code)
        if (other := instead(effect, refusal.code, now)) is None:
            raise Postponed(refusal.detail) from refusal
    return Delivered(await tools.store.handle(other, system))
