"""SIGTERM and Ctrl-C: the first drains, the second ends at once."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from typing import Any

SIGNALS = (signal.SIGTERM, signal.SIGINT)


async def until_stopped(
    running: Coroutine[Any, Any, None],
    *,
    orphaned: bool = False,
    on_signal: Callable[[], None] = lambda: None,
) -> None:
    """Runs it until a signal cancels it, however far it has come; what it opened it closes, and this returns.
    `on_signal` is called at the signal, as closing may take a while.

    With `orphaned` the end of standard input, a pipe from the parent, counts as a signal. At the second one
    this process is gone, and what it started ends by itself: children see their pipe close, the embedded
    server that its last user left.
    """
    task = asyncio.ensure_future(running)
    asked = False

    def ask(number: int) -> None:
        nonlocal asked
        if asked:
            os._exit(128 + number)
        asked = True
        task.cancel()
        on_signal()

    def orphan() -> None:
        if not asked:
            ask(signal.SIGTERM)

    loop = asyncio.get_running_loop()
    for number in SIGNALS:
        loop.add_signal_handler(number, ask, number)
    if orphaned:
        await loop.connect_read_pipe(lambda: _Orphaned(orphan), sys.stdin)
    try:
        await task
    except asyncio.CancelledError:
        if not asked:
            raise
    finally:
        for number in SIGNALS:
            loop.remove_signal_handler(number)


class _Orphaned(asyncio.Protocol):
    def __init__(self, lost: Callable[[], None]) -> None:
        self._lost = lost

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  the base's signature
        self._lost()


async def forever() -> None:
    await asyncio.Event().wait()
