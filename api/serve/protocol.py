"""HTTP/1.1 as uvicorn reads it, with an answer of ours where it cannot be read.

What is no request is answered as one all the same: the application gets what could be read of it, with the
refusal in its scope, so that the answer has the headers, the log line and the metrics that every answer has.
https://www.rfc-editor.org/rfc/rfc9112
"""

from __future__ import annotations

import asyncio
import re
import sys
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from api.http.context import REFUSED
from api.http.problems import (
    ApiError,
    HeadersTooLarge,
    Malformed,
    NotImplementedHere,
    UriTooLong,
    VersionNotSupported,
)

TARGET_MAX_BYTES = 16_384
HEAD_MAX_BYTES = 65_536
"""Request line and headers together; the parser alone would keep as much as somebody sends."""
LATE_S = 1.0
"""How long a connection that is made while the server stops may take to say what it wants."""
_SHOWN_BYTES = 500
"""Of an address that is too long."""
_METHOD = re.compile(rb"[\r\n]*[!#$%&'*+.^_`|~0-9A-Za-z-]+( |\Z)")
"""What could be one: https://www.rfc-editor.org/rfc/rfc9110#section-9.1"""
_VERSIONS = frozenset({"1.0", "1.1"})


class State(ServerState):
    """`stopping` is set before the connections that are there are closed."""

    stopping: bool = False


class Protocol(HttpToolsProtocol):
    """One connection."""

    server_state: State

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._latest = b""
        self._in_message = False
        self._in_head = False
        self._head_bytes = 0
        self._lost = False
        """What comes after the last request that could be read is anybody's guess."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as the base
        """One that was accepted just before the end may be made after all others were told of it: nobody
        would close it, and the drain would wait for as long as it is kept alive.
        """
        super().connection_made(transport)
        if self.server_state.stopping:
            self.loop.call_later(LATE_S, self.shutdown)

    def data_received(self, data: bytes) -> None:
        if self._lost:
            return
        self._latest = data
        self._head_bytes += len(data) if self._in_head else 0
        super().data_received(data)
        if self._in_head and (refusal := _too_large(len(self.url), self._head_bytes)):
            self._refuse(refusal)

    def eof_received(self) -> bool | None:  # type: ignore[override]  # True keeps our half open, see asyncio
        if self._lost or not self._in_message:
            return self._lost
        self._refuse(Malformed("The request ends before it is complete."))
        return not self.transport.is_closing()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_message = self._in_head = True
        self._head_bytes = 0

    def on_headers_complete(self) -> None:
        self._in_head = False
        refusal = _unreadable(self.parser.get_http_version(), self.url, self.headers)
        if refusal is None:
            super().on_headers_complete()
            if self.server_state.stopping:
                self.cycle.keep_alive = False
        else:
            self.scope["method"] = self.parser.get_method().decode("ascii")
            self._refuse(refusal)

    def on_message_complete(self) -> None:
        self._in_message = False
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  ours says more
        """Called by uvicorn while it handles the parser's error."""
        self._refuse(_refusal_of(sys.exception(), self._latest))

    def _refuse(self, refusal: ApiError) -> None:
        """In its turn: the answers to what came before on this connection are not touched. Once: what the
        parser makes of the rest is no news.
        """
        if self._lost:
            return
        self._lost, self._in_head = True, False
        before: RequestResponseCycle | None = self.cycle
        if before is not None and before.scope is self.scope:  # it is the body that cannot be read
            if before.response_started:
                self.transport.close()
                return
            self._abandon(before)
            before = None
        self.cycle = self._answering(refusal)
        if self.pipeline or not (before is None or before.response_complete):
            self.pipeline.appendleft((self.cycle, self.app))
        else:
            self._start_asgi_task(self.cycle, self.app)

    def _abandon(self, cycle: RequestResponseCycle) -> None:
        """Whoever is at work on it learns that its body will not come, and answers nobody."""
        cycle.disconnected = True
        cycle.message_event.set()
        if self.pipeline and self.pipeline[0][0] is cycle:
            self.pipeline.popleft()

    def _answering(self, refusal: ApiError) -> RequestResponseCycle:
        path = self.url[:_SHOWN_BYTES].partition(b"?")[0].decode("ascii", "replace")
        method = "HEAD" if self.parser.get_method() == b"HEAD" else ""  # it alone changes the answer
        known: dict[str, Any] = {"method": method, "path": path, "raw_path": b"", "query_string": b""}
        return RequestResponseCycle(
            scope={**known, **self.scope, REFUSED: refusal},  # type: ignore[typeddict-item]  # as above
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=self.access_log,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=False,
            keep_alive=False,
            on_response=self.on_response_complete,
        )


def _unreadable(version: str, target: bytes, headers: list[tuple[bytes, bytes]]) -> ApiError | None:
    """Why a head that the parser took is refused all the same."""
    if version not in _VERSIONS:
        return VersionNotSupported(f"This is HTTP/{version}; HTTP/1.1 and HTTP/1.0 are spoken here.")
    hosts = [value for name, value in headers if name == b"host"]
    if len(hosts) > 1 or (not hosts and version == "1.1"):
        return Malformed(f"A request has one `Host` header; this one has {len(hosts)}.")
    codings = [value.strip().lower() for name, value in headers if name == b"transfer-encoding"]
    if codings and version == "1.0":
        return Malformed("HTTP/1.0 has no `Transfer-Encoding`: where the body ends cannot be told.")
    if codings not in ([], [b"chunked"]):
        return NotImplementedHere("Of transfer codings only `chunked` is understood.")
    return _too_large(len(target), len(target) + sum(len(name) + len(value) + 4 for name, value in headers))


def _too_large(target_bytes: int, head_bytes: int) -> ApiError | None:
    if target_bytes > TARGET_MAX_BYTES:
        return UriTooLong(f"An address with its query may have {TARGET_MAX_BYTES} bytes at most.")
    if head_bytes > HEAD_MAX_BYTES:
        return HeadersTooLarge(f"Request line and headers may have {HEAD_MAX_BYTES} bytes at most.")
    return None


def _refusal_of(error: BaseException | None, latest: bytes) -> ApiError:
    """In the parser's words, which repeat nothing of what was sent."""
    match error:
        case httptools.HttpParserInvalidMethodError() if _METHOD.match(latest):
            return NotImplementedHere("No address takes this method; methods are written in capitals.")
        case httptools.HttpParserInvalidMethodError():
            return Malformed("This is no HTTP: it does not begin with a method.")
        case httptools.HttpParserInvalidURLError() | httptools.HttpParserCallbackError():
            return Malformed("The address cannot be read: write it in ASCII, other characters as %XX.")
    message = str(error).rstrip(".")
    if "HTTP version" in message or "PRI" in message:
        return VersionNotSupported("HTTP/1.1 and HTTP/1.0 are spoken here.")
    return Malformed(f"This cannot be read as HTTP/1.1: {message}.")
