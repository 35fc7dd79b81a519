"""Read your writes: an answer tells the position it saw, and a read can wait for a position.

The runner in this process reports each advance. Where projections run elsewhere, the table is asked.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from api.problems import PositionNotReached
from ledger.errors import StoreUnavailable

POLL_S = 0.05
FOLLOW_S = 0.25


class Positions:
    """`fetch` reads the projections' position from the database."""

    def __init__(self, fetch: Callable[[], Awaitable[int]], timeout_s: float) -> None:
        self._fetch = fetch
        self._timeout_s = timeout_s
        self._advanced = asyncio.Event()
        self._seen = 0

    def current(self) -> int:
        """All that is at or before this position has been projected."""
        return self._seen

    def advance(self, position: int) -> None:
        """In the event loop; a thread calls it by `loop.call_soon_threadsafe`."""
        if position > self._seen:
            self._seen = position
            self._advanced.set()
            self._advanced = asyncio.Event()

    async def refresh(self) -> int:
        self.advance(await self._fetch())
        return self._seen

    @asynccontextmanager
    async def following(self) -> AsyncIterator[None]:
        """For a process without projections of its own, so that its reads do not claim to have seen less
        and less.
        """
        task = asyncio.create_task(self._follow(), name="positions")
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(FOLLOW_S)
            with suppress(StoreUnavailable):  # whoever reads is told; here it is tried again
                await self.refresh()

    async def wait(self, position: int) -> None:
        """Until `position` is projected; `PositionNotReached` when that takes too long."""
        if position <= self._seen:
            return
        try:
            async with asyncio.timeout(self._timeout_s):
                while self._seen < position:
                    await self._hint()
                    if self._seen < position:
                        await self.refresh()
        except TimeoutError:
            raise PositionNotReached(
                f"Position {position} is not projected yet, {self._seen} is. Ask again in a second."
            ) from None

    async def _hint(self) -> None:
        try:
            await asyncio.wait_for(self._advanced.wait(), POLL_S)
        except TimeoutError:
            return
