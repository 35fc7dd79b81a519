"""The Stripe sandbox as a child process, shared by the processes that use one data directory.

Who holds the lock runs it; the others find its port in a file. When its process ends it is started again on
the same port by whoever can get the lock, so that nobody has to be told. The listening socket stays with who
runs it: meanwhile nobody else can take the port, and callers wait in its queue.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import secrets
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import msgspec
import structlog

from api.serve.ready import first_byte
from api.serve.sockets import listen_on, port_of
from api.settings import Settings, SettingsError
from ledger.errors import OperatorError
from ledger.private_files import make_file
from ledger.webhooks.decider import SUBSCRIBED, SUBSCRIBED_OF_ACCOUNTS

HOST = "127.0.0.1"
LOOPBACK = (HOST, "localhost", "::1")
FOLDER = "sandbox"
KEY: Final = "sk_test_sandbox"
"""Any test key will do: the sandbox has one account, and listens on loopback alone."""
START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 10.0
LOOK_EVERY_S = 0.5
POLL_S = 0.02

log = structlog.get_logger()


class SandboxError(OperatorError):
    """The sandbox does not start; `detail` names its log."""

    code = "sandbox"


class Files:
    """All in `<data_dir>/sandbox`, for the owner's eyes only."""

    def __init__(self, data_dir: Path) -> None:
        self.folder = data_dir / FOLDER
        self.state = self.folder / "state.sqlite"
        self.secret = self.folder / "webhook-secret"
        self.port = self.folder / "port"
        self.lock = self.folder / "lock"
        self.log = self.folder / "sandbox.log"

    def webhook_secret(self) -> str:
        """Made at first use; exactly one process makes it."""
        make_file(self.secret, f"whsec_{secrets.token_hex(24)}".encode())
        return self.secret.read_text(encoding="utf-8").strip()

    def known_port(self) -> int:
        """The port of the last start; 0 when there was none."""
        with suppress(OSError, ValueError):
            return int(self.port.read_text(encoding="utf-8"))
        return 0


class Sandbox:
    """Use `kept_sandbox`. `url` stays the same through restarts."""

    def __init__(self, files: Files, webhook_url: str, preferred_port: int) -> None:
        self.port = 0
        self.webhook_secret = files.webhook_secret()
        self.process: asyncio.subprocess.Process | None = None
        """None while another process runs it."""
        self._files = files
        self._webhook_url = webhook_url
        self._preferred_port = preferred_port
        self._lock: int | None = None
        self._listener: socket.socket | None = None

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    async def start(self) -> None:
        """Returns when it answers, whoever runs it."""
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                while not await self._running():  # noqa: ASYNC110  a process has no event to wait for
                    await asyncio.sleep(POLL_S)
        except TimeoutError:
            raise SandboxError(f"The Stripe sandbox does not answer: see {self._files.log}.") from None

    async def keep(self) -> None:
        """Start it again whenever it ends; until cancelled."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            ended = self.process is not None and self.process.returncode is not None
            if ended:
                log.error("sandbox_ended", exit_code=self.process.returncode if self.process else None)
            if ended or self.process is None:
                try:
                    async with asyncio.timeout(START_TIMEOUT_S):
                        await self._running()
                except (SandboxError, OSError, TimeoutError) as error:
                    log.error("sandbox_down", detail=str(error))  # noqa: TRY400  it is told, not debugged

    async def stop(self) -> None:
        """Ends it if it is ours."""
        if self.process is not None and self.process.returncode is None:
            self.process.terminate()
            try:
                await asyncio.wait_for(self.process.wait(), STOP_TIMEOUT_S)
            except TimeoutError:
                self.process.kill()
                await self.process.wait()
        if self._listener is not None:
            self._listener.close()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    async def _running(self) -> bool:
        """Whether it answers now; starts it when nobody runs it."""
        if self._lock is None and not self._take_lock():
            self.port = self._files.known_port()
            return self.port != 0 and await self._answers()
        if self.process is None or self.process.returncode is not None:
            await self._spawn()
        return True

    def _take_lock(self) -> bool:
        lock = os.open(self._files.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            return False
        self._lock = lock
        return True

    async def _spawn(self) -> None:
        """Returns when it is ready. Raises `SandboxError` when it ends instead."""
        if self._listener is None:
            self._listener = self._listen()
            self.port = port_of(self._listener)
            self._files.port.write_text(str(self.port), encoding="utf-8")
            if self._webhook_url:
                await asyncio.to_thread(_address, self._files, self._webhook_url)
        ours, theirs = os.pipe()
        try:
            with self._files.log.open("ab") as output:
                self.process = await asyncio.create_subprocess_exec(
                    *self._command(self._listener.fileno(), theirs),
                    stdin=asyncio.subprocess.PIPE,  # it ends when this does, however we go
                    stdout=output,
                    stderr=output,
                    pass_fds=(self._listener.fileno(), theirs),
                    start_new_session=True,  # Ctrl-C in a terminal is for us, who end it last
                )
        finally:
            os.close(theirs)
        if not await first_byte(ours):
            await self.process.wait()
            raise SandboxError(f"The Stripe sandbox does not start: {self._last_words()}")

    def _listen(self) -> socket.socket:
        """On the port of the last start or the preferred one, else on any."""
        for port in (self._files.known_port(), self._preferred_port):
            with suppress(OSError):
                if port:
                    return listen_on(HOST, port)
        return listen_on(HOST, 0)

    def _command(self, listener: int, ready: int) -> list[str]:
        files = self._files
        webhooks = ("--webhook-url", self._webhook_url, "--webhook-secret-file", str(files.secret))
        return [
            sys.executable, "-m", "api.sandbox",
            "--listen-fd", str(listener),
            "--ready-fd", str(ready),
            "--state", str(files.state),
            "--die-with-parent",
            *(webhooks if self._webhook_url else ()),
            *(f"--webhook-event={event_type}" for event_type in SUBSCRIBED),
        ]  # fmt: skip

    async def _answers(self) -> bool:
        try:
            _, writer = await asyncio.open_connection(HOST, self.port)
        except OSError:
            return False
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
        return True

    def _last_words(self) -> str:
        lines = self._files.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return f"{lines[-1] if lines else 'no reason given'} (all of it in {self._files.log})"


def _address(files: Files, webhook_url: str) -> None:
    """The service may have had another port: what it was not told yet goes to the new one, and only there.
    That of connected accounts goes to an endpoint of its own; the sandbox makes the platform's as it starts.
    """
    from api.sandbox.server import ensure_endpoint
    from api.sandbox.state import State

    path = urlsplit(webhook_url).path
    sandbox = State(files.state)
    try:
        tx = sandbox.begin()
        for endpoint in sandbox.store.all("webhook_endpoint"):
            known = urlsplit(endpoint.get("url", ""))
            if known.path == path and known.hostname in LOOPBACK and endpoint["url"] != webhook_url:
                tx.update(endpoint, url=webhook_url)
        tx.commit()
        secret, types = files.webhook_secret(), list(SUBSCRIBED_OF_ACCOUNTS)
        ensure_endpoint(sandbox, webhook_url, secret, types, connect=True)
    finally:
        sandbox.close()


@asynccontextmanager
async def kept_sandbox(
    data_dir: Path, webhook_url: str, *, preferred_port: int = 0
) -> AsyncIterator[Sandbox]:
    """Runs or shares the data directory's sandbox, which tells nobody without a `webhook_url`.

    Raises `SandboxError` when it does not start.
    """
    sandbox = Sandbox(Files(data_dir), webhook_url, preferred_port)
    keeper: asyncio.Task[None] | None = None
    try:
        await sandbox.start()
        keeper = asyncio.create_task(sandbox.keep(), name="sandbox")
        yield sandbox
    finally:
        if keeper is not None:
            keeper.cancel()
            with suppress(asyncio.CancelledError):
                await keeper
        await sandbox.stop()


@asynccontextmanager
async def stripe_settings(
    settings: Settings, webhook_url: str, *, preferred_port: int = 0
) -> AsyncIterator[tuple[Settings, str]]:
    """The settings with a Stripe to reach, and the sandbox's URL, or "" when a key names Stripe itself."""
    if settings.stripe_api_key:
        yield settings, ""
        return
    if settings.stripe_api_base:
        raise SettingsError(
            "LIBERATION_STRIPE_API_BASE is set without a key: set LIBERATION_STRIPE_API_KEY too."
        )
    async with kept_sandbox(settings.data_dir, webhook_url, preferred_port=preferred_port) as sandbox:
        pointed = msgspec.structs.replace(
            settings,
            stripe_api_key=KEY,
            stripe_api_base=sandbox.url,
            stripe_webhook_secret=(*settings.stripe_webhook_secret, sandbox.webhook_secret),
        )
        yield pointed, sandbox.url
