"""The outermost layer. It sees every request and answer, also 404 and 405, for which Litestar runs no
middleware: request id, security headers, size limit, unknown methods, access log and metrics.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any, cast

import msgspec
import structlog
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from uuid_utils import uuid7

from api.http.access import file_taken
from api.http.cors import Headers, Origins
from api.http.problems import (
    MEDIA_TYPE,
    SLASH_TOO_MANY,
    ApiError,
    BodyTooLarge,
    NoAddress,
    NotImplementedHere,
    problem,
    status_of,
)
from api.log import request_id
from api.metrics import Metrics

CSP = (
    "default-src 'none'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
CSP_NAME = b"content-security-policy"
SECURITY_HEADERS = (
    (CSP_NAME, CSP.encode()),
    (b"strict-transport-security", b"max-age=63072000; includeSubDomains"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=()"),
)
PRIVATE = (b"cache-control", b"private, no-cache")
"""Answers may be kept by the caller alone, and only to ask with their ETag whether they still hold."""
_CLOSE = {"Connection": "close"}
STATE = "liberation"
_GIVEN_ID = re.compile(rb"[A-Za-z0-9_.:-]{8,128}\Z")
REFUSED = "liberation.refused"
"""Key of a scope: why the server could not read the request, an `ApiError`. The connection ends with it."""
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"})
"""Those of RFC 9110 that can be asked of an address, and PATCH: 405 where it does not take them. No other is
implemented anywhere: 501, https://www.rfc-editor.org/rfc/rfc9110#section-15.6.2
"""


class RequestState(msgspec.Struct):
    """What inner layers tell the outermost; found at `scope["liberation"]`."""

    request_id: str
    given: dict[bytes, bytes]
    """The request's headers by lower-case name; Litestar's own mapping is built anew by each who asks."""
    headers: list[tuple[bytes, bytes]]
    """Sent with the answer, whatever it is. Lower-case names."""
    actor: str = ""
    on_behalf_of: str = ""
    address: str = ""
    """Where it comes from, as those who count requests call it."""


class RequestContext:
    """`position` answers with the ledger position that this process has seen projected."""

    def __init__(
        self,
        app: ASGIApp,
        metrics: Metrics,
        position: Callable[[], int],
        request_max_bytes: int,
        origins: Origins,
    ) -> None:
        self.app = app
        self.metrics = metrics
        self.position = position
        self.request_max_bytes = request_max_bytes
        self.origins = origins
        # bound once: structlog's lazy logger would be set up anew for each line
        self.log = structlog.get_logger().bind()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await self.app(scope, receive, send)
            return
        await self._http(cast("dict[str, Any]", scope), receive, send)

    async def _http(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        method = scope["method"]
        headers = dict(scope["headers"])
        told = self.origins.answered(headers)
        state = RequestState(_id(headers.get(b"x-request-id", b"")), headers, told)
        request_id.set(state.request_id)
        # HEAD is GET without a body, with the same access rules, on every route
        inner = {**scope, "method": "GET" if method == "HEAD" else method, STATE: state}
        answer = _Answer(send, state, self.position, bodiless=method == "HEAD")
        try:
            if (preflight := self.origins.preflight(method, headers)) is not None:
                await _allow(answer, preflight)
            elif (refusal := self._refusal(scope, headers)) is not None:
                await _refuse(answer, scope["path"], refusal)
            else:
                await self.app(cast("Scope", inner), receive, cast("Send", answer))
        finally:
            elapsed = time.perf_counter() - started
            route = str(inner.get("path_template") or "unmatched")
            self.metrics.observe_request(
                method if method in _METHODS else "other", route, answer.status, elapsed
            )
            self.log.info(
                "request",
                method=method,
                route=route,
                path=scope["path"],
                status=answer.status,
                ms=round(elapsed * 1e3, 2),
                actor=state.actor,
                **({"on_behalf_of": state.on_behalf_of} if state.on_behalf_of else {}),
            )

    def _refusal(self, scope: dict[str, Any], headers: dict[bytes, bytes]) -> ApiError | None:
        """Why Litestar shall not see it, if so. Where a body may be left unread, the connection ends."""
        if (unreadable := scope.get(REFUSED)) is not None:
            unreadable.headers.update(_CLOSE)
            return cast("ApiError", unreadable)
        if scope["method"] not in _METHODS:
            known = ", ".join(sorted(_METHODS))
            return NotImplementedHere(f"No address takes this method; known are {known}.", headers=_CLOSE)
        if (length := _length(headers)) > self.request_max_bytes:
            file = file_taken(scope["method"], scope["path"])
            most = self.request_max_bytes if file is None else file.most_bytes
            if length > most:
                return BodyTooLarge(f"A body may have {most} bytes at most.", headers=_CLOSE)
        return NoAddress(SLASH_TOO_MANY) if _misspelt(scope["path"]) else None


class _Answer:
    """The `send` of one request: adds the headers that every answer has."""

    __slots__ = ("_bodiless", "_position", "_send", "_state", "status")

    def __init__(
        self, send: Send, state: RequestState, position: Callable[[], int], *, bodiless: bool
    ) -> None:
        self._send, self._state, self._position, self._bodiless = send, state, position, bodiless
        self.status = 500

    async def __call__(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message = {**message, "headers": self._headers(list(message["headers"]))}
        elif self._bodiless and message["type"] == "http.response.body":
            message = {**message, "body": b""}
        await self._send(cast("Message", message))

    def _headers(self, headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        names = {name for name, _ in headers}
        headers += self._state.headers
        own_policy = CSP_NAME in names  # a second one would only add to it
        headers += SECURITY_HEADERS[1:] if own_policy else SECURITY_HEADERS
        headers.append((b"x-request-id", self._state.request_id.encode()))
        if b"ledger-position" not in names:
            headers.append((b"ledger-position", b"%d" % self._position()))
        if b"cache-control" not in names:
            headers.append(PRIVATE)
        return headers


def _id(given: bytes) -> str:
    return given.decode() if _GIVEN_ID.match(given) else uuid7().hex


def _length(headers: dict[bytes, bytes]) -> int:
    """As declared; a body without a length is counted by Litestar while it is read."""
    declared = headers.get(b"content-length", b"0")
    return int(declared) if declared.isdigit() else 0


def _misspelt(path: str) -> bool:
    """Litestar overlooks slashes. A rule of a proxy before us, which reads more exactly, would be evaded."""
    return "//" in path or (path.endswith("/") and path != "/")


async def _allow(send: _Answer, headers: Headers) -> None:
    """Before anybody is known: a browser sends no credential with what it asks first."""
    await send({"type": "http.response.start", "status": 204, "headers": list(headers)})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _refuse(send: _Answer, path: str, refusal: ApiError) -> None:
    document = problem(refusal.code, refusal.detail, path, status=status_of(type(refusal)))
    body = msgspec.json.encode(document)
    headers = [(b"content-type", MEDIA_TYPE.encode()), (b"content-length", b"%d" % len(body))]
    headers += [(name.lower().encode(), value.encode()) for name, value in refusal.headers.items()]
    await send({"type": "http.response.start", "status": document.status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})
