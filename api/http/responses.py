"""Answers to reads carry an ETag, and 304 when the caller has the same already."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any, TypeVar

import msgspec
from litestar import Request, Response
from litestar.openapi.datastructures import ResponseSpec
from litestar.response.base import ASGIResponse

T = TypeVar("T")
NOT_MODIFIED = 304
NOT_MODIFIED_SPEC = {
    NOT_MODIFIED: ResponseSpec(None, description="Not modified: you have it already", generate_examples=False)
}


class Read(Response[T]):
    """A JSON body with a strong ETag made from its bytes, so that it can never be wrong."""

    def to_asgi_response(
        self,
        app: Any,  # noqa: ARG002  the base class's signature
        request: Request[Any, Any, Any],
        **settings: Any,  # noqa: ARG002  as above
    ) -> ASGIResponse:
        body = msgspec.json.encode(self.content)
        etag = f'"{blake2b(body, digest_size=12).hexdigest()}"'
        headers = {**self.headers, "ETag": etag}
        wanted = request.headers.get("if-none-match")
        if wanted is not None and matches(wanted, etag):
            return ASGIResponse(status_code=NOT_MODIFIED, headers=headers)
        return ASGIResponse(body=body, headers=headers, media_type="application/json")


class Fresh(Response[T]):
    """A JSON body that is of its moment alone: nobody on the way may keep it."""

    def to_asgi_response(
        self,
        app: Any,  # noqa: ARG002  as above
        request: Request[Any, Any, Any],  # noqa: ARG002  as above
        **settings: Any,  # noqa: ARG002  as above
    ) -> ASGIResponse:
        headers = {**self.headers, "Cache-Control": "no-store"}
        return ASGIResponse(
            body=msgspec.json.encode(self.content), headers=headers, media_type="application/json"
        )


def matches(if_none_match: str, etag: str) -> bool:
    """Weak comparison: https://www.rfc-editor.org/rfc/rfc9110#section-13.1.2"""
    return if_none_match.strip() == "*" or etag in (
        each.strip().removeprefix("W/") for each in if_none_match.split(",")
    )
