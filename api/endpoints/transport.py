"""One POST to an endpoint: to a public address, in time, following nothing, keeping nothing of the answer's
body.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping
from typing import Any, Self

import aiohttp
from aiohttp.abc import AbstractResolver

from api.endpoints.addresses import AddressRefused, is_open
from api.endpoints.schedule import Answer, Fault, fault_of

TIMEOUT_S = 20.0
"""For all of it, from the name's look-up to the answer's head."""
CONNECT_S = 5.0


class Transport:
    """`async with transport:` opens it. `resolver` is for tests."""

    def __init__(
        self, *, loopback: bool, timeout_s: float = TIMEOUT_S, resolver: AbstractResolver | None = None
    ) -> None:
        self._loopback = loopback
        self._timeout_s = timeout_s
        self._resolver = resolver
        self._session: aiohttp.ClientSession

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(
            limit=0,  # how many there are at once the queue says, by endpoint
            resolver=self._resolver,
            socket_factory=self._socket,
            force_close=True,  # nothing is left of an answer whose body nobody read
        )
        timeout = aiohttp.ClientTimeout(total=self._timeout_s, sock_connect=min(CONNECT_S, self._timeout_s))
        self._session = aiohttp.ClientSession(
            connector=connector,
            timeout=timeout,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,  # a proxy would connect to what we have not seen
            auto_decompress=False,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Never raises but when it is cancelled."""
        began = time.monotonic()
        status: int | None = None
        fault: Fault
        try:
            async with self._session.post(url, data=body, headers=headers, allow_redirects=False) as response:
                status = response.status
                response.close()
            fault = fault_of(status)
        except TimeoutError:
            fault = "timed_out"
        except (aiohttp.ClientError, OSError, ValueError) as error:
            fault = "address_refused" if _was_refused(error) else "not_reached"
        return Answer(status, fault, round((time.monotonic() - began) * 1000))

    def _socket(self, to: Any) -> socket.socket:
        """Asked for each address just before it is connected to, also where the URL has no name but the
        address.
        """
        family, kind, protocol, _, address = to
        if not is_open(address[0], loopback=self._loopback):
            raise AddressRefused("not a public address")
        return socket.socket(family, kind, protocol)


def _was_refused(error: BaseException | None) -> bool:
    if isinstance(error, AddressRefused):
        return True
    if isinstance(error, aiohttp.ClientConnectorError):
        return _was_refused(error.os_error)
    if isinstance(error, BaseExceptionGroup):
        return any(map(_was_refused, error.exceptions))
    return error is not None and _was_refused(error.__cause__)
