"""Bodies that come compressed: gzip is taken, and never inflated beyond what a body may have."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from typing import Any, cast

from litestar.exceptions.http_exceptions import RequestEntityTooLarge
from litestar.types import HTTPReceiveMessage, Receive

from api.http.problems import Malformed, UnsupportedMediaType

GZIP = "gzip"
_NAMES = {"x-gzip": GZIP}
"""Another name of it: https://www.rfc-editor.org/rfc/rfc9110#section-8.4.1.3"""
_WITH_GZIP_HEADER = zlib.MAX_WBITS | 16


def coding_of(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """`gzip`, or nothing for a body as it is. Raises `UnsupportedMediaType` for any other, and for several.

    Of raw headers, since a coding may be on a line of its own.
    """
    lines = [value.decode("latin-1") for name, value in headers if name == b"content-encoding"]
    named = [part.strip().lower() for line in lines for part in line.split(",")]
    codings = [_NAMES.get(name, name) for name in named if name not in {"", "identity"}]
    if codings in ([], [GZIP]):
        return GZIP if codings else ""
    raise UnsupportedMediaType(
        f"The Content-Encoding {', '.join(codings)!r:.80} is not taken: send the body as it is, or as gzip.",
        headers={"Accept-Encoding": GZIP},
    )


def refuse_coding(headers: Iterable[tuple[bytes, bytes]]) -> None:
    """For what is signed as it was sent: whoever changed it on the way has broken the signature."""
    try:
        coding = coding_of(headers)
    except UnsupportedMediaType:
        coding = "another"
    if coding:
        raise UnsupportedMediaType(
            "Stripe sends events as they are and signs those bytes: send the body without Content-Encoding.",
            headers={"Accept-Encoding": "identity"},
        )


class Inflated:
    """`receive` of a request whose body is gzip: the same messages with what was compressed.

    Both what comes in and what it becomes are held to `most` bytes: a few hundred can stand for a gigabyte.
    """

    def __init__(self, receive: Receive, most: int) -> None:
        self._receive = receive
        self._most = most
        self._inflate = zlib.decompressobj(_WITH_GZIP_HEADER)
        self._taken = self._given = 0

    async def __call__(self) -> HTTPReceiveMessage:
        message = cast("dict[str, Any]", await self._receive())
        if message["type"] == "http.request":
            body = self._next(message.get("body", b""))
            if not message.get("more_body", False):
                self._check_end()
            message = {**message, "body": body}
        return cast("HTTPReceiveMessage", message)

    def _next(self, compressed: bytes) -> bytes:
        self._taken += len(compressed)
        if compressed and self._inflate.eof:
            raise _more_than_one()
        try:
            # one byte too many tells that there is more
            body = self._inflate.decompress(compressed, self._most - self._given + 1)
        except zlib.error:
            raise Malformed(
                "The body is no gzip, though Content-Encoding says so, or it was damaged on the way."
            ) from None
        self._given += len(body)
        if max(self._given, self._taken) > self._most:
            raise RequestEntityTooLarge(
                f"A body may have {self._most} bytes at most, also once it is inflated."
            )
        if self._inflate.unused_data:
            raise _more_than_one()
        return body

    def _check_end(self) -> None:
        if self._taken and not self._inflate.eof:
            raise Malformed("The body ends in the midst of its gzip: send all of it.")


def _more_than_one() -> Malformed:
    return Malformed(
        "Something follows the end of the gzip in the body: send one gzip member and nothing else."
    )
