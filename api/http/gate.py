"""On every route, before its guard: who calls, and how often."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from litestar import Litestar, Request, Response
from litestar.handlers import BaseRouteHandler
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Receive, Scope, Send

from api.http.access import ACCESS, TABLE, operation_of
from api.http.auth import Authenticator, Principal
from api.http.client_address import ClientAddresses
from api.http.coding import Inflated, coding_of, refuse_coding
from api.http.context import STATE, RequestState
from api.http.json_body import check as check_body
from api.http.positions import Positions
from api.http.problems import (
    FieldError,
    IdempotencyKeyMissing,
    RateLimited,
    Unauthenticated,
    Unprocessable,
    UnsupportedMediaType,
    allow,
)
from api.http.promises import WITH_BODY
from api.http.query import Parameters, check_query, parameters_of
from api.http.ratelimit import RateLimit
from ledger.errors import StoreUnavailable

UNLIMITED = frozenset({"livez", "readyz", "metrics"})
"""What the operator's own machines ask, all the time."""
IDEMPOTENT = "idempotent"
"""Key of a handler's `opt`: the request changes money and must carry an `Idempotency-Key`."""
KEY_LENGTH = 255
POSITION_DIGITS = 18
Given = Mapping[bytes, bytes]


class Door(msgspec.Struct, frozen=True):
    """What is asked of every request is answered by these. The application's state has it as `door`, as they
    are opened after the application is made.
    """

    authenticator: Authenticator
    limit: RateLimit
    addresses: ClientAddresses
    positions: Positions


def door_of(app: Litestar) -> Door:
    door: Door = app.state.door
    return door


class Gate(ASGIMiddleware):
    """Sets `scope["user"]` to the principal or None. A credential that does not hold is refused even where
    none is needed: the caller should know.
    """

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        operation = operation_of(scope["route_handler"])
        state: RequestState = scope[STATE]  # type: ignore[literal-required]  # our own key in the scope
        access = ACCESS.get(operation)
        if access is not None and access.signature:
            scope["user"] = None  # one HMAC tells a forgery, and Stripe sends in bursts
            await next_app(scope, receive, send)
            return
        door = door_of(scope["litestar_app"])
        address = f"address:{door.addresses.address(scope)}"
        scope["user"] = principal = await _principal(door, address, state)
        if operation not in UNLIMITED:
            _take(door.limit, principal.id if principal else address, state)
        await next_app(scope, receive, send)


async def _principal(door: Door, address: str, state: RequestState) -> Principal | None:
    """A guess costs its address one request, paid before the work and given back when it was right."""
    given = state.given.get(b"authorization")
    if given is None:
        return None
    header = given.decode("latin-1")
    try:
        principal = door.authenticator.recall(header)
    except Unauthenticated:
        _take(door.limit, address, state)
        raise
    if principal is None:
        headers = list(state.headers)
        _take(door.limit, address, state)
        try:
            principal = await door.authenticator.authenticate(header)
        except StoreUnavailable:
            door.limit.give_back(address)  # nobody knows whether it was a guess
            raise
        door.limit.give_back(address)
        state.headers[:] = headers  # they are to tell of the caller's own limit
    state.actor = principal.id
    return principal


def _take(limit: RateLimit, caller: str, state: RequestState) -> None:
    verdict = limit.take(caller)
    state.headers += (
        (b"ratelimit-policy", limit.policy.encode()),
        (b"ratelimit", b'"default";r=%d;t=%d' % (verdict.left, verdict.reset_s)),
    )
    if not verdict.allowed:
        raise RateLimited(
            f"Too many requests: try again in {verdict.reset_s} s.",
            headers={"Retry-After": str(verdict.reset_s)},
        )


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
        if with_credential and (shape.query or scope["query_string"]):
            check_query(scope["query_string"], shape.query)
        if scope["method"] in WITH_BODY:
            _check_media_type(given, operation)
            _decompress(request, signed=access is not None and access.signature)
            if request.route_handler.opt.get(IDEMPOTENT):
                _check_key(given)
            if shape.body is not None:
                check_body(await request.body(), shape.body)
        # what everybody may call, without a limit or a credential, must not make us ask the database
        if with_credential and (wanted := given.get(b"ledger-position")) is not None:
            await door_of(request.app).positions.wait(_position(wanted))
        return None


def _check_media_type(given: Given, operation: str) -> None:
    media_type = given.get(b"content-type", b"").partition(b";")[0].strip().lower()
    if media_type != b"application/json" and not ACCESS[operation].signature:
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
            "This changes money: send an `Idempotency-Key`, new for each intent, the same for its repeats.",
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
