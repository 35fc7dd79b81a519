"""Read your writes: an answer tells the position it saw, and a read can wait for a position.

The runner in this process reports each advance. Where projections run elsewhere, the table is asked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from api.problems import PositionNotReached

POLL_S = 0.05


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
