"""What every call of the API goes through: key, parameters, faults, idempotency, one transaction, answer."""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import logging
from typing import Any

from litestar.types import HTTPScope, Receive, Scope, Send

from api.sandbox import expand, forms, idempotency, multipart
from api.sandbox.errors import StripeError, bug, forbidden, no_access, rate_limited, server_error
from api.sandbox.faults import Fault
from api.sandbox.ids import request_id as new_request_id
from api.sandbox.registry import Route
from api.sandbox.state import State
from api.sandbox.transaction import API_VERSION, Transaction, encode

_log = logging.getLogger("liberation.sandbox")
ABORT = "liberation.abort"
_VERSION = API_VERSION.encode()
_FILES = "/v1/files"
_FORM = b"application/x-www-form-urlencoded"
_HOLDS_AFTER = {"timeout_after", "disconnect_after", "disconnect_mid_body"}
_MAX_BODY = 1_000_000
_MAX_FILE_BODY = 20_000_000
_ID_PART = 3
_PART_AFTER = 2
_FAMILIES = (["test_helpers"], ["checkout"], ["billing_portal"])
"""First words of paths after which the kind of resource comes, and only then its id."""


class Call:
    """One request as far as it is known."""

    __slots__ = ("account", "headers", "ids", "key", "method", "params", "path", "request_id")

    def __init__(self, scope: HTTPScope) -> None:
        self.request_id = new_request_id()
        self.method = scope["method"]
        self.path = scope["raw_path"].decode("latin-1")  # Litestar takes the mount off `path`
        self.headers = dict(scope["headers"])
        self.key = (
            self.headers.get(b"idempotency-key", b"").decode("latin-1") if self.method == "POST" else ""
        )
        account = self.headers.get(b"stripe-account") or self.headers.get(b"stripe-context", b"")
        self.account = account.decode("latin-1")
        self.ids: tuple[str, ...] = ()
        self.params: dict[str, Any] = {}


class Answer:
    __slots__ = ("body", "original_request", "status")

    def __init__(self, status: int, body: bytes, original_request: str = "") -> None:
        self.status = status
        self.body = body
        self.original_request = original_request


class Pipeline:
    """All of /v1 as an ASGI app."""

    def __init__(self, state: State) -> None:
        self._state = state
        routes = state.registry.routes
        self._routes = {(route.method, route.path): route for route in routes if not route.older}
        self._older = self._routes | {(route.method, route.path): route for route in routes if route.older}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        call = Call(scope)  # type: ignore[arg-type]  # Litestar routes only HTTP here
        fault: Fault | None = None
        try:
            _authenticate(call.headers)
            call.params = await _read_params(scope, receive, call)  # type: ignore[arg-type]
            route = self._route(call)
            if call.account:
                self._check_account(call, route)
            drawn = self._state.faults.draw(call.method, call.path)
            fault = drawn[0] if drawn else None
            answer = await self._answer(route, call, fault, receive)
        except StripeError as refusal:
            answer = Answer(refusal.status, refusal.body())
        except Exception:  # noqa: BLE001  whatever it was, the client gets an answer in Stripe's form
            _log.exception("%s %s failed in the sandbox itself", call.method, call.path)
            answer = Answer(500, bug().body())
        if answer is None or (fault and fault.kind in _HOLDS_AFTER):
            await _cut(scope, receive, send, fault, answer, call)
            return
        await _send(send, answer, call)
        if self._state.schedule.is_due(self._state.clock.now()):
            asyncio.get_running_loop().call_soon(self._state.run_due)

    def _route(self, call: Call) -> Route:
        """Every path is /v1/things, /v1/things/{id}, /v1/things/{id}/verb, /v1/things/{id}/parts/{part}, or
        so below /v1/test_helpers.
        """
        routes = self._routes if b"stripe-version" in call.headers else self._older
        route = routes.get((call.method, call.path))
        parts = call.path.split("/")
        place = _ID_PART + (parts[_ID_PART - 1 : _ID_PART] in _FAMILIES)
        for name in ("{id}", "{part}"):
            if route is not None or len(parts) <= place:
                break
            call.ids, parts[place] = (*call.ids, parts[place]), name
            route = routes.get((call.method, "/".join(parts)))
            place += _PART_AFTER
        if "" in call.ids:
            raise no_identifier(call.method, call.path)
        if route is None:
            raise unrecognized(call.method, call.path)
        return route

    def _check_account(self, call: Call, route: Route) -> None:
        """`Stripe-Account`, or `Stripe-Context`, which says the same of one connected account.
        https://docs.stripe.com/connect/authentication
        """
        account = self._state.store.find(call.account)
        if account is None or account["object"] != "account" or account.get("deleted"):
            raise no_access(call.account)
        if not route.connected:
            raise StripeError(
                f"The sandbox has not got {call.method} {route.path} for connected accounts; "
                "call it without the Stripe-Account header.",
                saved=False,
            )

    async def _answer(self, route: Route, call: Call, fault: Fault | None, receive: Receive) -> Answer | None:
        """None when the fault lets no answer come."""
        kind = fault.kind if fault else ""
        if kind == "rate_limit":
            raise rate_limited()
        if kind == "forbidden":
            raise forbidden(call.method, call.path)
        if kind == "error_before":
            error = server_error()
            return Answer(error.status, error.body())
        if kind == "disconnect_before":
            return None
        if not call.key:
            return await self._execute(route, call, fault, b"", receive)
        mark = idempotency.fingerprint(call.method, call.path, call.params)
        replay = self._state.keys.take(call.key, mark, self._state.clock.now(), call.account)
        if replay is not None:
            return Answer(replay.status, replay.body, replay.request_id)
        try:
            return await self._execute(route, call, fault, mark, receive)
        finally:
            self._state.keys.release(call.key, call.account)

    async def _execute(
        self, route: Route, call: Call, fault: Fault | None, mark: bytes, receive: Receive
    ) -> Answer | None:
        if fault and fault.kind == "slow":
            await asyncio.sleep(fault.seconds)
        if fault and fault.kind == "timeout_before":
            await _wait_for_leaving(receive, fault.seconds)
            return None
        answer = self._work(route, call, fault.kind if fault else "", mark)
        await self._state.store.durable()
        return answer

    def _work(self, route: Route, call: Call, fault: str, mark: bytes) -> Answer:
        """Everything in one transaction that is committed before the answer goes out. Raises StripeError."""
        state = self._state
        state.run_due()
        tx = self._begin(call)
        try:
            if fault == "error_during":
                raise server_error()
            answer = Answer(200, self._run(tx, route, call))
        except StripeError as refusal:
            answer = Answer(refusal.status, refusal.body())
            if not refusal.keeps_work:
                tx.abandon()
                tx = self._begin(call)
            if not refusal.saved:
                mark = b""
        if fault == "error_after":
            error = server_error()
            answer = Answer(error.status, error.body())
        tx.commit((mark, answer.status, answer.body) if mark else None)
        return answer

    def _begin(self, call: Call) -> Transaction:
        return self._state.begin(request_id=call.request_id, idempotency_key=call.key, account=call.account)

    def _run(self, tx: Transaction, route: Route, call: Call) -> bytes:
        params = dict(call.params)
        asked = expand.paths(params)
        typed = forms.convert(params, route.params)
        value = route.run(tx, *call.ids, typed)
        shown = expand.show(self._state.registry, tx, value, asked)
        return tx.encoded(value) if shown is value and "id" in value else encode(shown)


def _authenticate(headers: dict[bytes, bytes]) -> None:
    """Any test key will do, as a sandbox has one account; live keys are refused lest they leak into it."""
    credential = _credential(headers.get(b"authorization", b""))
    if not credential:
        raise StripeError(
            "You did not provide an API key. You need to provide your API key in the Authorization header, "
            "using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY') or as the user name of HTTP "
            "Basic auth, with an empty password.",
            status=401,
            saved=False,
        )
    if credential.startswith((b"sk_live_", b"rk_live_")):
        raise StripeError(
            "This is a sandbox: it refuses live keys. Use a key that starts with sk_test_, "
            "and roll the live one if it was sent here by mistake.",
            status=401,
            saved=False,
        )
    if not credential.startswith((b"sk_test_", b"rk_test_")):
        raise StripeError("Invalid API Key provided: it must start with sk_test_.", status=401, saved=False)


def _credential(authorization: bytes) -> bytes:
    """The key, as Bearer or as the user name of HTTP Basic, which is how `curl -u` sends it; empty when there
    is none. https://docs.stripe.com/api/authentication
    """
    scheme, _, credential = authorization.partition(b" ")
    if scheme.lower() == b"basic":
        with contextlib.suppress(binascii.Error):
            return base64.b64decode(credential, validate=True).partition(b":")[0]
    return credential if scheme.lower() == b"bearer" else b""


async def _read_params(scope: HTTPScope, receive: Receive, call: Call) -> dict[str, Any]:
    if call.method != "POST":
        return forms.parse(scope["query_string"])
    media_type = call.headers.get(b"content-type", _FORM)
    with_file = call.path == _FILES and media_type.startswith(multipart.MEDIA_TYPE)
    body = await _read_body(receive, _MAX_FILE_BODY if with_file else _MAX_BODY)
    if with_file:
        return multipart.parse(body, media_type)
    if body and not media_type.startswith(_FORM):
        raise StripeError(
            "Invalid request: the v1 API takes application/x-www-form-urlencoded bodies.", saved=False
        )
    return (
        forms.parse(scope["query_string"]) | forms.parse(body) if scope["query_string"] else forms.parse(body)
    )


async def _read_body(receive: Receive, most: int) -> bytes:
    parts, length = [], 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise StripeError("The request was cut off.", saved=False)
        parts.append(message["body"])
        length += len(message["body"])
        if length > most:
            raise StripeError("Request body too large.", status=413, saved=False)
        if not message["more_body"]:
            return b"".join(parts) if len(parts) > 1 else parts[0]


def headers_of(answer: Answer, call: Call) -> list[tuple[bytes, bytes]]:
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(answer.body)),
        (b"request-id", call.request_id.encode()),
        (b"stripe-version", _VERSION),
    ]
    if call.key:
        headers.append((b"idempotency-key", call.key.encode("latin-1")))
    if answer.original_request:
        headers.append((b"idempotent-replayed", b"true"))
        headers.append((b"original-request", answer.original_request.encode()))
    return headers


async def _send(send: Send, answer: Answer, call: Call) -> None:
    await send({"type": "http.response.start", "status": answer.status, "headers": headers_of(answer, call)})
    await send({"type": "http.response.body", "body": answer.body, "more_body": False})


async def _cut(
    scope: Scope, receive: Receive, send: Send, fault: Fault | None, answer: Answer | None, call: Call
) -> None:
    """No answer, or half of one, and the connection ends."""
    if fault and answer and fault.kind == "timeout_after":
        await _wait_for_leaving(receive, fault.seconds)
    if fault and answer and fault.kind == "disconnect_mid_body":
        start = {"type": "http.response.start", "status": answer.status, "headers": headers_of(answer, call)}
        await send(start)  # type: ignore[arg-type]
        half = answer.body[: len(answer.body) // 2]
        await send({"type": "http.response.body", "body": half, "more_body": True})
    abort = (scope.get("extensions") or {}).get(ABORT)
    if abort is not None:
        abort["call"]()  # type: ignore[operator]  # put there by the server's protocol
        await asyncio.sleep(0)  # lets the server see that the connection is gone


async def _wait_for_leaving(receive: Receive, longest_s: float) -> None:
    try:
        async with asyncio.timeout(longest_s):
            while (await receive())["type"] != "http.disconnect":
                pass
    except TimeoutError:
        return


def no_identifier(method: str, path: str) -> StripeError:
    return StripeError(
        f"Unrecognized request URL ({method}: {path}). If you are trying to list objects, remove the "
        "trailing slash. If you are trying to retrieve an object, make sure you passed a valid (non-empty) "
        "identifier in your code.",
        status=404,
        saved=False,
    )


def unrecognized(method: str, path: str) -> StripeError:
    return StripeError(
        f"Unrecognized request URL ({method}: {path}). The sandbox has not got it, or there is no such "
        "thing; docs/sandbox.md lists what it has.",
        status=404,
        saved=False,
    )
