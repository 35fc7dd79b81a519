"""Where the service listens. The port is taken first, so that a conflict is told before anything starts."""

from __future__ import annotations

import errno
import socket

from api.settings import SettingsError

BACKLOG = 2048
TRIES = 20


def listen(host: str, port: int, *, or_next: bool = False) -> socket.socket:
    """A listening socket; 0 is any port. With `or_next`, the first free one from `port` on.

    Callers who come before the service is ready wait in its queue. Raises `SettingsError`.
    """
    last = port + (TRIES if or_next and port else 0)
    for candidate in range(port, min(last, 65_535) + 1):
        try:
            return listen_on(host, candidate)
        except OSError as error:
            if error.errno == errno.EADDRINUSE and candidate < last:
                continue
            raise SettingsError(_why(host, candidate, error)) from error
    raise SettingsError(f"No port from {port} to {last} is free on {host}: set LIBERATION_PORT.")


def listen_on(host: str, port: int) -> socket.socket:
    """Raises OSError when the port is taken."""
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setblocking(False)  # for all who share it, see `inherited`
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def inherited(descriptor: int) -> socket.socket:
    """A listening socket of the parent's.

    Whether it blocks is a property that all processes share. Python takes a descriptor for a blocking one and
    would make it so with the next `dup`: a process that has just lost the race for a connection would then
    wait in `accept`, its event loop with it, until another comes.
    """
    listener = socket.socket(fileno=descriptor)
    listener.setblocking(False)
    return listener


def _why(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} on {host} is taken: stop what listens there, or set LIBERATION_PORT."
    return f"Cannot listen on {host} port {port}: {error.strerror or error}."


def is_free(host: str, port: int) -> bool:
    try:
        listen_on(host, port).close()
    except OSError:
        return False
    return True


def port_of(listener: socket.socket) -> int:
    port: int = listener.getsockname()[1]
    return port


def url_of(host: str, port: int) -> str:
    """As a person on this machine would open it."""
    reached = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)  # noqa: S104  not bound here
    return f"http://{f'[{reached}]' if ':' in reached and '[' not in reached else reached}:{port}"
