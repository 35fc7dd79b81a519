"""Read your writes: an answer tells the position it saw, and a read can wait for a position.

The runner in this process reports each advance. Where projections run elsewhere, the table is asked, at most
once at a time, however many wait.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

from api.http.problems import FieldError, PositionNotReached, Unprocessable
from ledger.errors import StoreUnavailable

T = TypeVar("T")
POLL_S = 0.05
FOLLOW_S = 0.25


class Positions:
    """`fetch` reads the projections' position and the ledger's head from the database."""

    def __init__(self, fetch: Callable[[], Awaitable[tuple[int, int]]], timeout_s: float) -> None:
        self._fetch = fetch
        self._timeout_s = timeout_s
        self._advanced = asyncio.Event()
        self._seen = 0
        self._head = 0
        self._asking: asyncio.Task[int] | None = None
        self._looking: asyncio.Task[None] | None = None

    def current(self) -> int:
        """All that is at or before this position has been projected."""
        return self._seen

    def advance(self, position: int) -> None:
        """In the event loop; a thread calls it by `loop.call_soon_threadsafe`."""
        if position > self._seen:
            self._seen = position
            self._advanced.set()
            self._advanced = asyncio.Event()

    def appended(self, position: int) -> None:
        """In the event loop: the ledger has come to `position`."""
        self._head = max(self._head, position)

    async def refresh(self) -> int:
        seen, head = await self._fetch()
        self.appended(head)
        self.advance(seen)
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
        """Until `position` is projected; `PositionNotReached` when that takes too long, and `Unprocessable`
        at once for one that the ledger has not come to: no answer can have given it.
        """
        if position <= self._seen:
            return
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._check_exists(position)
                while self._seen < position:
                    await self._look()
        except TimeoutError:
            if self._seen < position:  # else it came just now
                raise PositionNotReached(
                    f"Position {position} is not projected yet, {self._seen} is. Ask again in a second."
                ) from None

    async def catch_up(self) -> None:
        """Until all is projected that the ledger has now; `PositionNotReached` when that takes too long."""
        await self._ask()
        await self.wait(self._head)

    async def _check_exists(self, position: int) -> None:
        for _ in range(2):  # a question that was under way already may be older than the write
            if position > self._head:
                await self._ask()
        if position > self._head:
            raise Unprocessable(
                f"Ledger-Position {position} is beyond the ledger, which ends at {self._head}. "
                "Send one that an earlier answer gave.",
                errors=[FieldError(detail="beyond the ledger's end", parameter="Ledger-Position")],
            )

    async def _ask(self) -> None:
        if self._asking is None or self._asking.done():
            self._asking = _shared(self.refresh())
        await asyncio.shield(self._asking)

    async def _look(self) -> None:
        """One look, soon, for all that wait."""
        if self._looking is None or self._looking.done():
            self._looking = _shared(self._next())
        await asyncio.shield(self._looking)

    async def _next(self) -> None:
        try:
            await asyncio.wait_for(self._advanced.wait(), POLL_S)
        except TimeoutError:
            await self._ask()


async def find(look: Callable[[], Awaitable[T | None]], positions: Positions) -> T | None:
    """What `look` finds by an id that an answer may have given a moment ago: where there is nothing, it looks
    again once all is projected that the ledger has now. None is a thing that there is not.
    """
    found = await look()
    if found is not None:
        return found
    await positions.catch_up()
    return await look()


def _shared(work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    """Who waits for it may go away; an error is then nobody's to hear."""
    task = asyncio.create_task(work, name="position")
    task.add_done_callback(lambda done: done.cancelled() or done.exception())
    return task
