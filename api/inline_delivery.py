"""An effect delivered by the request that caused it, so that the caller has the answer at once.

It is a shortcut: the outbox holds the same effect, and the worker delivers it when this process dies first.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog

from api.services import Services
from api.stripe.gateway import Delivered
from ledger.effects import Effect, kind_of
from ledger.message import Origin, Recorded
from ledger.store.batched_queries import BatchedQuery, Connection
from projections import outbox

log = structlog.get_logger()


async def deliver(services: Services, effect: Effect, origin: Origin, cause: Recorded) -> Delivered:
    """What came of it, or nothing when Stripe takes longer than a caller should wait: it goes on without."""
    task = asyncio.create_task(_deliver(services, effect, origin, cause))
    services.unfinished.add(task)
    task.add_done_callback(services.unfinished.discard)
    done, _ = await asyncio.wait({task}, timeout=services.settings.deliver_inline_timeout_s)
    if not done:
        log.warning("delivery_slow", effect=kind_of(effect))
        return Delivered()
    return task.result()


async def _deliver(services: Services, effect: Effect, origin: Origin, cause: Recorded) -> Delivered:
    delivered = await services.gateway.deliver_now(effect, origin)
    if delivered.outcome is not None:
        services.asynchronous.tell(DELIVERED_EARLY, cause)
    return delivered


async def _delivered_early(connection: Connection, causes: Sequence[Recorded]) -> list[None]:
    for cause in causes:
        await outbox.delivered_early(connection, cause)
    return [None] * len(causes)


DELIVERED_EARLY: BatchedQuery[Recorded, None] = BatchedQuery(_delivered_early)
"""Takes it off the worker's hands. When this is lost, the worker finds that nothing is left to do."""
