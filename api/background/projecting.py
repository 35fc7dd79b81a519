"""The projections, running beside the API in one process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from api.services import Services
from projections import live
from projections.engine.runner import BatchRunner


@asynccontextmanager
async def projecting(services: Services) -> AsyncIterator[BatchRunner]:
    """For `Composition.background`. Reads hear of each advance at once, and readiness of what stopped.

    Leaving lets the batch at hand be committed.
    """
    runner = live.runner(services.composition.database_url, schema=services.settings.schema)
    loop = asyncio.get_running_loop()

    def advanced(_position: int) -> None:
        # of all projections, stopped ones too: a read must not claim to have seen what it did not
        seen = min(runner.positions().values(), default=0)
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(services.positions.advance, seen)

    runner.on_advance(advanced)
    services.store.subscribe(lambda _position: runner.wake())
    services.runner = runner
    runner.start()
    try:
        yield runner
    finally:
        await asyncio.to_thread(runner.stop)
