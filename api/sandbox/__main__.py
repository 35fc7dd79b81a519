"""`python -m api.sandbox`: the sandbox as a process of its own."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import threading
from pathlib import Path

import click
import msgspec
import uvicorn

from api.sandbox.app import LiveKeyError, create_app, refuse_live_key
from api.sandbox.server import API_KEY, HOST, ensure_endpoint, listen, server_for
from api.sandbox.settings import Settings
from api.sandbox.state import State
from api.sandbox.store import StateInUse


@click.command(help="A stateful Stripe sandbox on 127.0.0.1.")
@click.option(
    "--port", default=0, show_default=True, type=click.IntRange(0, 65535), help="0 picks a free one."
)
@click.option(
    "--state", "path", type=click.Path(dir_okay=False, path_type=Path), help="SQLite file; none: in memory."
)
@click.option("--seed", default="", help="Makes ids repeatable (only for a new state).")
@click.option("--webhook-url", default="", help="An endpoint that gets all events, or those named.")
@click.option(
    "--webhook-secret-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Holds the endpoint's signing secret, whsec_…",
)
@click.option(
    "--connect-secret-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The URL hears of connected accounts too, signed with this secret.",
)
@click.option("--webhook-event", "events", multiple=True, help="An event type for the endpoint; repeatable.")
@click.option("--listen-fd", type=int, help="An inherited listening socket, instead of a port.")
@click.option("--ready-fd", default=1, show_default=True, type=int, help="Gets one JSON line when listening.")
@click.option("--die-with-parent", is_flag=True, help="Stop when standard input ends.")
def main(  # noqa: PLR0913  one for each option
    *,
    port: int,
    listen_fd: int | None,
    path: Path | None,
    seed: str,
    webhook_url: str,
    webhook_secret_file: Path | None,
    connect_secret_file: Path | None,
    events: tuple[str, ...],
    ready_fd: int,
    die_with_parent: bool,
) -> None:
    if bool(webhook_url) != bool(webhook_secret_file):
        raise click.UsageError("--webhook-url and --webhook-secret-file go together")
    if connect_secret_file is not None and not webhook_url:
        raise click.UsageError("--connect-secret-file needs --webhook-url")
    try:
        refuse_live_key(os.environ)
        state = State(path, seed=seed, settings=Settings())
    except (LiveKeyError, StateInUse) as cause:
        raise click.ClickException(str(cause)) from None
    try:
        for file, connect in ((webhook_secret_file, False), (connect_secret_file, True)):
            if file is not None:
                secret = file.read_text(encoding="utf-8").strip()
                ensure_endpoint(state, webhook_url, secret, list(events), connect=connect)
        listener = _listen(port) if listen_fd is None else socket.socket(fileno=listen_fd)
        _serve(state, listener, ready_fd, die_with_parent=die_with_parent)
    finally:
        state.close()


def _listen(port: int) -> socket.socket:
    try:
        return listen(port)
    except OSError as cause:
        raise click.ClickException(f"cannot listen on {HOST}:{port}: {cause.strerror}") from None


def _serve(state: State, listener: socket.socket, ready_fd: int, *, die_with_parent: bool) -> None:
    with listener:
        state.base_url = f"http://{HOST}:{listener.getsockname()[1]}"
        ready = {"url": state.base_url, "api_key": API_KEY, "pid": os.getpid()}
        line = msgspec.json.encode(ready) + b"\n"
        server = server_for(create_app(state), lambda: _tell(ready_fd, line))
        if die_with_parent:
            threading.Thread(target=_stop_with_stdin, args=(server,), daemon=True).start()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, server.handle_exit)
        asyncio.run(server._serve([listener]))  # noqa: SLF001  `serve` would raise the signal again at the end


def _tell(ready_fd: int, line: bytes) -> None:
    os.write(ready_fd, line)


def _stop_with_stdin(server: uvicorn.Server) -> None:
    """Standard input ends when whoever holds its other end is gone, however it went."""
    while os.read(0, 4096):  # not through sys.stdin, whose lock this thread would hold when Python ends
        pass
    server.should_exit = True


if __name__ == "__main__":
    main()
