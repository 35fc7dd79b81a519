"""Several processes: some that answer requests on one socket, one for projections and the worker."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

import structlog

from api.serve.environment import environment
from api.serve.ready import first_byte
from api.settings import Settings
from ledger.errors import OperatorError

START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 45.0
"""More than a child takes to drain."""
STEADY_S = 10.0
"""A child that lived so long is started again at once, another one after a pause."""
LONGEST_PAUSE_S = 5.0

log = structlog.get_logger()


class ChildFailed(OperatorError):
    """A process of the service ended before it was ready; it has said why."""

    code = "child_failed"


class Child:
    def __init__(self, settings: Settings, kind: str, listener: socket.socket | None) -> None:
        self.kind = kind
        self._settings = settings
        self._listener = listener
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = False

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    async def start(self) -> None:
        """Returns when it is ready. Raises `ChildFailed`."""
        ours, theirs = os.pipe()
        handed = [theirs] if self._listener is None else [theirs, self._listener.fileno()]
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "api.serve.child", self.kind, *map(str, handed)),
            stdin=asyncio.subprocess.PIPE,
            env=environment(self._settings),
            pass_fds=handed,
            start_new_session=True,  # Ctrl-C in a terminal is for the parent
        )
        os.close(theirs)
        try:
            ready = await asyncio.wait_for(first_byte(ours), START_TIMEOUT_S)
        except TimeoutError:
            self._process.kill()
            ready = b""
        if not ready:
            code = await self._process.wait()
            raise ChildFailed(f"A process of the service ({self.kind}) did not start (exit code {code}).")

    async def keep(self) -> None:
        """Start it again whenever it ends; until `stop`."""
        pause_s = 0.0
        while True:
            assert self._process is not None
            since = time.monotonic()
            code = await self._process.wait()
            if self._stopping:
                return
            pause_s = 0.0 if time.monotonic() - since > STEADY_S else min(LONGEST_PAUSE_S, 2 * pause_s + 0.1)
            log.error("process_ended", kind=self.kind, exit_code=code, again_in_s=pause_s)
            await asyncio.sleep(pause_s)
            with suppress(ChildFailed):
                await self.start()

    async def stop(self) -> None:
        self._stopping = True
        process = self._process
        if process is None or process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), STOP_TIMEOUT_S)
        except TimeoutError:
            log.error("process_killed", kind=self.kind, pid=process.pid)  # noqa: TRY400  no fault of ours
            process.kill()
            await process.wait()


@asynccontextmanager
async def pool(settings: Settings, listener: socket.socket) -> AsyncIterator[Sequence[Child]]:
    """`settings.workers` processes for requests and one for the rest; yields when all are ready."""
    apis = [Child(settings, "api", listener) for _ in range(settings.workers)]
    worker = Child(settings, "worker", None)
    keepers: list[asyncio.Task[None]] = []
    try:
        await asyncio.gather(*(child.start() for child in (worker, *apis)))
        keepers = [asyncio.create_task(child.keep(), name=child.kind) for child in (worker, *apis)]
        yield [worker, *apis]
    finally:
        await asyncio.gather(*(child.stop() for child in apis))
        await worker.stop()  # last, so that it delivers what the requests left
        for keeper in keepers:
            keeper.cancel()
        await asyncio.gather(*keepers, return_exceptions=True)
