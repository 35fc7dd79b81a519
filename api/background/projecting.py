"""The projections, running beside the API in one process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from api.http.positions import Positions
from ledger.store import Store
from projections import live
from projections.engine.runner import BatchRunner


@asynccontextmanager
async def projecting(
    database_url: str, schema: str, store: Store, positions: Positions
) -> AsyncIterator[BatchRunner]:
    """For `Context.open_runner`. Reads hear of each advance at once, and readiness of what stopped.

    Leaving lets the batch at hand be committed.
    """
    runner = live.runner(database_url, schema=schema)
    loop = asyncio.get_running_loop()

    def advanced(_position: int) -> None:
        # of all projections, stopped ones too: a read must not claim to have seen what it did not
        seen = min(runner.positions().values(), default=0)
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(positions.advance, seen)

    runner.on_advance(advanced)
    store.subscribe(lambda _position: runner.wake())
    runner.start()
    try:
        yield runner
    finally:
        await asyncio.to_thread(runner.stop)
