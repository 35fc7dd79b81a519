"""Serving the sandbox over HTTP on loopback, in this thread or in one of its own."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import uvicorn
from litestar import Litestar
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from api.sandbox.app import create_app
from api.sandbox.pipeline import ABORT
from api.sandbox.resources.webhook_endpoints import add as add_endpoint
from api.sandbox.settings import Settings
from api.sandbox.state import State

HOST = "127.0.0.1"
BACKLOG = 2048
START_WITHIN_S = 20.0
STOP_WITHIN_S = 2
KEEP_ALIVE_S = 75
"""Longer than clients keep theirs, so that none is closed as a request is on its way."""
API_KEY = "sk_test_sandbox"


class _CuttableProtocol(HttpToolsProtocol):
    """Hands the app the means to cut its connection, for faults; ASGI itself has none."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {ABORT: {"call": self.transport.abort}}


class _Server(uvicorn.Server):
    """Signals are the caller's business, and `on_ready` hears when connections are taken."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        if self.started:
            self._on_ready()


def listen(port: int) -> socket.socket:
    """A socket on loopback only; port 0 takes a free one. Raises OSError when the port is in use."""
    # Without naming TCP, asyncio leaves Nagle's algorithm on, and each answer waits 40 ms for an ACK.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, port))
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def server_for(app: Litestar, on_ready: Callable[[], None]) -> uvicorn.Server:
    config = uvicorn.Config(
        app,
        http=_CuttableProtocol,
        ws="none",
        loop="asyncio",
        lifespan="on",
        access_log=False,
        log_config=None,
        log_level="critical",  # faults cut answers on purpose, which uvicorn would report as errors
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=STOP_WITHIN_S,
    )
    return _Server(config, on_ready)


def ensure_endpoint(
    state: State, url: str, secret: str, events: list[str] | None = None, *, connect: bool = False
) -> str:
    """One enabled webhook endpoint for `url` with this secret, also after a restart; answers with its id.
    One that is to hear of connected accounts (`connect`) stands beside that of the platform.
    """
    tx = state.begin()
    application = state.ids.application if connect else None
    known = next(
        (
            e
            for e in state.store.all("webhook_endpoint")
            if e["url"] == url and e["application"] == application
        ),
        None,
    )
    wanted = events or ["*"]
    if known is None:
        endpoint = add_endpoint(tx, url, wanted, secret, connect=connect)
    else:
        endpoint = tx.update(known, secret=secret, status="enabled", enabled_events=wanted)
    tx.commit()
    state.deliveries.endpoints_changed()
    return str(endpoint["id"])


class Sandbox(msgspec.Struct, frozen=True):
    """A sandbox that runs in a thread of this process. Touch `state` through HTTP, or `call`."""

    url: str
    api_key: str
    webhook_secret: str
    state: State
    loop: asyncio.AbstractEventLoop

    def call(self, work: Callable[[], Any]) -> Any:
        """Run `work` in the sandbox's thread and wait for its result."""

        async def run() -> Any:
            return work()

        return asyncio.run_coroutine_threadsafe(run(), self.loop).result(START_WITHIN_S)


@contextmanager
def running_sandbox(
    path: Path | None = None,
    *,
    seed: str = "",
    settings: Settings | None = None,
    webhook_url: str = "",
    webhook_secret: str = "",
    connect_secret: str = "",
    port: int = 0,
    environ: Mapping[str, str] = os.environ,
) -> Iterator[Sandbox]:
    """A sandbox on a free port, ready for calls, for as long as the context lasts. With a `connect_secret`,
    `webhook_url` hears of connected accounts too, signed with that one.
    """
    state = State(path, seed=seed, settings=settings)
    try:
        secret = webhook_secret or "whsec_" + secrets.token_hex(16)
        if webhook_url:
            ensure_endpoint(state, webhook_url, secret)
        if webhook_url and connect_secret:
            ensure_endpoint(state, webhook_url, connect_secret, connect=True)
        app = create_app(state, environ=environ)
        with listen(port) as listener:
            url = state.base_url = f"http://{HOST}:{listener.getsockname()[1]}"
            with _thread(app, listener) as loop:
                yield Sandbox(url=url, api_key=API_KEY, webhook_secret=secret, state=state, loop=loop)
    finally:
        state.close()


@contextmanager
def _thread(app: Litestar, listener: socket.socket) -> Iterator[asyncio.AbstractEventLoop]:
    ready = threading.Event()
    server = server_for(app, ready.set)
    loop = asyncio.new_event_loop()

    def run() -> None:
        try:
            loop.run_until_complete(server._serve([listener]))  # noqa: SLF001  `serve` installs signal handlers
        finally:
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.close()

    thread = threading.Thread(target=run, name="stripe-sandbox", daemon=True)
    thread.start()
    try:
        if not ready.wait(START_WITHIN_S):
            raise RuntimeError("the Stripe sandbox did not start")
        yield loop
    finally:
        server.should_exit = True
        thread.join(START_WITHIN_S)
