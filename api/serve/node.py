"""The HTTP server in this process."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import asynccontextmanager, contextmanager

import uvicorn

from api.app import create_app
from api.serve.protocol import Protocol, State
from api.services import Composition

DRAIN_S = 30
"""For requests under way; one that waits for Stripe gives up earlier."""
KEEP_ALIVE_S = 75
"""Longer than the 60 s of usual load balancers, which must be the ones to hang up."""
POLL_S = 0.01


class Server(uvicorn.Server):
    """Signals are this program's business: see `api.serve.stopping`."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.server_state: State = State()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self.server_state.stopping = True
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def serving(composition: Composition, listener: socket.socket) -> AsyncIterator[Awaitable[None]]:
    """Answers requests on a copy of `listener`; yields when it does.

    Leaving takes no new requests, lets those under way finish, then closes what the application opened.
    What it yields ends by itself only when something is wrong.
    """
    config = uvicorn.Config(
        create_app(composition),
        loop="asyncio",  # uvloop starved some of 1,000 connections for seconds
        http=Protocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,  # written by `api.http.context`
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=DRAIN_S,
        backlog=2048,
    )
    server = Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener.dup()]), name="http")
    try:
        while not server.started and not task.done():  # noqa: ASYNC110  uvicorn sets a plain attribute
            await asyncio.sleep(POLL_S)
        if task.done():
            task.result()
        yield asyncio.shield(task)  # who waits for it may be cancelled, and it is not
    finally:
        composition.stopping.set()
        server.should_exit = True
        await task
