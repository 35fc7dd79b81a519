"""On every route, after its guard and before its handler: what a request must say to be looked at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.handlers import BaseRouteHandler

from api.http.access import ACCESS, TABLE, operation_of
from api.http.admission import UNLIMITED, door_of
from api.http.coding import Inflated, coding_of, refuse_coding
from api.http.context import STATE
from api.http.json_body import check as check_body
from api.http.problems import (
    FieldError,
    IdempotencyKeyMissing,
    Unprocessable,
    UnsupportedMediaType,
    allow,
)
from api.http.promises import WITH_BODY
from api.http.query import Parameters, check_query, parameters_of

IDEMPOTENT = "idempotent"
"""Key of a handler's `opt`: what it does must be done once, so it must carry an `Idempotency-Key`."""
KEY_LENGTH = 255
POSITION_DIGITS = 18
Given = Mapping[bytes, bytes]


class _Shape(msgspec.Struct, frozen=True):
    """What a request of one operation may consist of."""

    query: Parameters
    body: msgspec.json.Decoder[Any] | None


def _shape(handler: BaseRouteHandler) -> _Shape:
    fields = handler.parsed_fn_signature.parameters
    body = msgspec.json.Decoder(fields["data"].annotation) if "data" in fields else None
    return _Shape(parameters_of(handler), body)


class Preconditions:
    """`before_request`: what headers and query must say. It runs after the guard and before the handler, and
    answers OPTIONS itself.
    """

    def __init__(self) -> None:
        self._shapes: dict[str, _Shape] = {}

    async def __call__(self, request: Request[Any, Any, Any]) -> Response[bytes] | None:
        scope: Any = request.scope
        if scope["method"] == "OPTIONS":  # Litestar's own answer leaves methods out
            of_path = [access.method for access in TABLE if access.path == scope["path_template"]]
            return Response(b"", status_code=204, headers={"Allow": allow(of_path)})
        given, operation = scope[STATE].given, operation_of(request.route_handler)
        shape = self._shapes.get(operation)
        if shape is None:
            shape = self._shapes[operation] = _shape(request.route_handler)
        access = ACCESS.get(operation)
        with_credential = access is not None and bool(access.roles)
        if shape.query or (with_credential and scope["query_string"]):
            check_query(scope["query_string"], shape.query)
        if scope["method"] in WITH_BODY:
            _check_media_type(given, operation)
            _decompress(request, signed=access is not None and access.signature)
            if request.route_handler.opt.get(IDEMPOTENT):
                _check_key(given)
            if shape.body is not None:
                check_body(await request.body(), shape.body)
        # what is asked without a limit or a credential must not make us ask the database
        known = with_credential or (scope["user"] is not None and operation not in UNLIMITED)
        if known and (wanted := given.get(b"ledger-position")) is not None:
            await door_of(request.app).positions.wait(_position(wanted))
        return None


def _check_media_type(given: Given, operation: str) -> None:
    media_type = given.get(b"content-type", b"").partition(b";")[0].strip().lower()
    access = ACCESS[operation]
    if access.file is not None:
        taken = ", ".join(access.file.media_types)
        if media_type.decode("latin-1") not in access.file.media_types:
            raise UnsupportedMediaType(
                f"Send the file itself as the body, with its Content-Type: {taken}.",
                headers={"Accept": taken},
            )
    elif media_type != b"application/json" and not access.signature:
        raise UnsupportedMediaType(
            "Send the body as `Content-Type: application/json`.", headers={"Accept": "application/json"}
        )


def _decompress(request: Request[Any, Any, Any], *, signed: bool) -> None:
    """Whoever reads the body from now on gets it inflated."""
    headers = request.scope["headers"]
    if signed:
        refuse_coding(headers)
    elif coding_of(headers):
        most = request.route_handler.resolve_request_max_body_size()
        assert most, "the application sets a limit for all"
        request.receive = Inflated(request.receive, most)


def _check_key(given: Given) -> None:
    key = given.get(b"idempotency-key", b"").decode("latin-1")
    if not key:
        raise IdempotencyKeyMissing(
            "This must be done once: send an `Idempotency-Key`, new for each intent, the same for repeats.",
            errors=[FieldError(detail="is required", parameter="Idempotency-Key")],
        )
    if len(key) > KEY_LENGTH or not key.isprintable():
        raise Unprocessable(
            f"An Idempotency-Key has {KEY_LENGTH} printable characters at most.",
            errors=[FieldError(detail="too long or not printable", parameter="Idempotency-Key")],
        )


def _position(text: bytes) -> int:
    if text.isdigit() and len(text) <= POSITION_DIGITS:
        return int(text)
    raise Unprocessable(
        "Ledger-Position is the number that an earlier answer gave.",
        errors=[FieldError(detail="expected a whole number", parameter="Ledger-Position")],
    )
