"""Every error is RFC 9457 problem+json, and this is the only place that knows which HTTP status a code has.

Litestar's own plugin puts the message in `title` and leaves unhandled exceptions as application/json.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any

import msgspec
import structlog
from litestar import Request, Response
from litestar.enums import ParamType
from litestar.exceptions import HTTPException, ValidationException
from litestar.params import ParameterKwarg
from litestar.types import ExceptionHandlersMap

from api.log import request_id
from api.words import in_words
from ledger.errors import Forbidden, LedgerError, StoreUnavailable

MEDIA_TYPE = "application/problem+json"
CONFLICT = 409

STATUS: Mapping[str, int] = {
    "invalid": 422,
    "not_found": 404,
    "forbidden": 403,
    "feature_missing": 403,
    "idempotency_mismatch": 422,
    "idempotency_key_missing": 400,
    "idempotency_in_flight": 409,
    "malformed": 400,
    "invalid_webhook": 400,
    "unauthenticated": 401,
    "card_declined": 402,
    "method_not_allowed": 405,
    "not_acceptable": 406,
    "body_too_large": 413,
    "uri_too_long": 414,
    "unsupported_media_type": 415,
    "rate_limited": 429,
    "headers_too_large": 431,
    "not_implemented": 501,
    "contended": 503,
    "store_unavailable": 503,
    "too_slow": 503,
    "position_not_reached": 503,
    "stripe_unavailable": 503,
    "tickets_unavailable": 503,
    "licence_keys_unavailable": 503,
    "webhook_keys_unavailable": 503,
    "unknown_event_type": 422,
    "licence_key_invalid": 403,
    "licence_key_replaced": 403,
    "not_ready": 503,
    "http_version_not_supported": 505,
    "chain_broken": 500,
    "internal": 500,
}
"""A refusal takes the status of its own code, else of the nearest base class's: so every `Invalid` is 422.
Any other refusal is a conflict with the state as it is: 409."""

RETRY_AFTER_S = "1"
MOST_ERRORS = 20
"""A body may have thousands of faults; nobody mends more at a time."""

log = structlog.get_logger()


class FieldError(msgspec.Struct, kw_only=True, omit_defaults=True):
    """`pointer` is RFC 6901 into the body; `parameter` names a query, path or header parameter."""

    detail: str
    pointer: str = ""
    parameter: str = ""


class Problem(msgspec.Struct, kw_only=True, omit_defaults=True):
    """RFC 9457. A program reads `code`; a person can act on `detail`."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    instance: str
    request_id: str = ""
    errors: list[FieldError] = []


class ApiError(LedgerError):
    """What the HTTP side itself refuses. `headers` go out with the answer."""

    def __init__(
        self, detail: str, *, errors: list[FieldError] | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.errors = errors or []
        self.headers = dict(headers or {})

    def as_problem(self, common: Problem) -> Problem:
        """`common`, or a subclass of it with members of its own."""
        return common


class Malformed(ApiError):
    """The request cannot be read: its HTTP, its headers, or the JSON of its body."""

    code = "malformed"
    remedy = "Correct what `detail` names; a client library for HTTP and JSON does."
    passing = True


class Unprocessable(ApiError):
    """A field or a parameter has a value that can be read but makes no sense, or is not known at all."""

    code = "invalid"
    remedy = "Correct what `errors` points to: a `pointer` into the body, or the name of a `parameter`."
    passing = True

    @classmethod
    def at(cls, *errors: FieldError) -> Unprocessable:
        """All of them in one sentence, each with where it is."""
        return cls(in_one_sentence(errors), errors=list(errors[:MOST_ERRORS]))


class Unauthenticated(ApiError):
    """No credential, or one that does not hold."""

    code = "unauthenticated"
    remedy = "Get a new credential and send it as `Authorization: Bearer <credential>`."
    passing = True

    def __init__(self, detail: str) -> None:
        super().__init__(detail, headers={"WWW-Authenticate": 'Bearer realm="liberation"'})


class NoAddress(ApiError):
    """There is nothing at this address."""

    code = "not_found"
    remedy = "Check its spelling, also its slashes, against this page."
    passing = True


class MethodNotAllowed(ApiError):
    """The address does not take that method."""

    code = "method_not_allowed"
    remedy = "Use one of the methods in the `Allow` header."
    passing = True


class NotAcceptable(ApiError):
    """Nothing of what the caller takes can be given."""

    code = "not_acceptable"
    remedy = "Name one of the media types of `detail` in `Accept`, or send none."
    passing = True


class BodyTooLarge(ApiError):
    """The body is larger than any that makes sense here."""

    code = "body_too_large"
    remedy = "Send a smaller one; `detail` says how large it may be."
    passing = True


class UriTooLong(ApiError):
    """The address with its query is longer than any that makes sense here."""

    code = "uri_too_long"
    remedy = "Leave out parameters that are not of this address."
    passing = True


class UnsupportedMediaType(ApiError):
    """Bodies are JSON, plain or as gzip, and this one is said to be something else."""

    code = "unsupported_media_type"
    remedy = "Send JSON, as `Content-Type: application/json`, plain or as `Content-Encoding: gzip`."
    passing = True


class RateLimited(ApiError):
    """Too many requests of one caller."""

    code = "rate_limited"
    remedy = "Wait for `Retry-After` seconds; `RateLimit` tells beforehand how many requests are left."
    passing = True


class HeadersTooLarge(ApiError):
    """The headers together are larger than any that make sense here."""

    code = "headers_too_large"
    remedy = "Leave out headers that are not of this API, such as another site's cookies."
    passing = True


class IdempotencyKeyMissing(ApiError):
    """What is asked must be done once, so a repeat must be recognised, and it has no `Idempotency-Key`."""

    code = "idempotency_key_missing"
    remedy = "Send one: new for each intent, the same for its repeats."
    passing = True


class IdempotencyInFlight(ApiError):
    """The first request with this key has no answer yet."""

    code = "idempotency_in_flight"
    remedy = "Send it again, with the same key, after `Retry-After` seconds."
    passing = True


class CardDeclined(ApiError):
    """The card was not charged: its bank declined."""

    code = "card_declined"
    remedy = "Do as `remedy` and `detail` of the answer say: confirm, correct, wait, or use another card."
    passing = False


class PositionNotReached(ApiError):
    """The projections have not yet come to the position that the read asked for."""

    code = "position_not_reached"
    remedy = "Ask again after `Retry-After` seconds, or without `Ledger-Position`."
    passing = True


class StripeUnavailable(ApiError):
    """Stripe did not answer, and the request is nothing without it."""

    code = "stripe_unavailable"
    remedy = "Send it again in a moment, with the same key."
    passing = True


class ServiceNotReady(ApiError):
    """The service cannot serve now, or what it would serve is too old."""

    code = "not_ready"
    remedy = "Send requests elsewhere until it can; `health` tells who runs it what is wrong."
    passing = True


class Internal(ApiError):
    """Something went wrong here that nobody expected."""

    code = "internal"
    remedy = "Send it again with the same key; if it stays so, report it with the `request_id`."
    passing = True


class NotImplementedHere(ApiError):
    """No address takes this method, or the body is sent in a transfer coding that is not understood."""

    code = "not_implemented"
    remedy = "Use a method of this page, in capitals, and no transfer coding but `chunked`."
    passing = True


class VersionNotSupported(ApiError):
    """The request is of another version of HTTP than 1.1 and 1.0."""

    code = "http_version_not_supported"
    remedy = "Speak HTTP/1.1, or let the proxy in front of the service do so."
    passing = True


_OF_STATUS: Mapping[int, type[ApiError | LedgerError]] = {
    400: Malformed,
    401: Unauthenticated,
    403: Forbidden,
    404: NoAddress,
    405: MethodNotAllowed,
    413: BodyTooLarge,
    415: UnsupportedMediaType,
    422: Unprocessable,
    429: RateLimited,
}
"""What Litestar's own exceptions are."""
_REFERENCE = "The reference of those that there are is at /schema."
SLASH_TOO_MANY = f"No address ends in a slash or has two together: leave out what is too many. {_REFERENCE}"
DETAIL = {
    404: f"There is nothing at this address. {_REFERENCE}",
    405: "This address does not take that method: see the Allow header.",
}


class TooSlow(StoreUnavailable):
    """What was asked means reading too much of the ledger, or the database has too much to do."""

    code = "too_slow"
    remedy = "Narrow it: a shorter time range, or a filter that fits fewer."


def status_of(error: type[LedgerError]) -> int:
    codes = (getattr(base, "code", "") for base in error.__mro__)
    return next((STATUS[code] for code in codes if code in STATUS), CONFLICT)


def problem(
    code: str, detail: str, instance: str, errors: list[FieldError] | None = None, status: int | None = None
) -> Problem:
    status = status or STATUS.get(code, CONFLICT)
    return Problem(
        type=f"/schema#problem-{code}",
        title=_title(code, status),
        status=status,
        code=code,
        detail=detail,
        instance=instance,
        request_id=request_id.get(),
        errors=errors or [],
    )


_PHRASES = {413: "Content Too Large", 414: "URI Too Long", 422: "Unprocessable Content"}


def phrase(status: int) -> str:
    """As RFC 9110 has it; Python says it in older words before 3.13."""
    return _PHRASES.get(status) or HTTPStatus(status).phrase


def _title(code: str, status: int) -> str:
    return phrase(status) if code in STATUS else code.replace("_", " ").capitalize()


def answer(of: Problem, headers: Mapping[str, str] | None = None) -> Response[bytes]:
    """`of` may be a subclass with members of its own."""
    sent = dict(headers or {})
    if of.status == HTTPStatus.SERVICE_UNAVAILABLE or of.code == IdempotencyInFlight.code:
        sent.setdefault("Retry-After", RETRY_AFTER_S)
    return Response(msgspec.json.encode(of), status_code=of.status, media_type=MEDIA_TYPE, headers=sent)


FIELDS: Mapping[str, str] = {
    "gift_to_self": "/gift_to",
    "invalid_amount": "/amount_minor",
    "invalid_credit": "/amount_minor",
    "invalid_currency": "/currency",
    "note_required": "/note",
    "nothing_to_revoke": "/revoke_access",
    "payment_method_required": "/payment_method",
    "reason_required": "/reason",
    "unknown_tier": "/tier",
    "whole_return_only": "/amount_minor",
}
"""Which field of the body the rules mean by a code, where all bodies call it by one name."""


OWN_MEMBERS: dict[type[LedgerError], Callable[[Any, Problem], Problem]] = {}
"""By a refusal of the ledger that carries more than words: its problem with members of its own. Whoever
answers with it puts it here."""


_WITHIN = "liberation.within"


def within(request: Request[Any, Any, Any], member: str) -> None:
    """From now on whatever is wrong of the body is wrong of this member of it, which other routes have as
    their whole body.
    """
    request.scope[_WITHIN] = member  # type: ignore[literal-required]  # our own, beside ASGI's


def _inside(one: FieldError, member: str) -> FieldError:
    return msgspec.structs.replace(one, pointer=f"/{member}{one.pointer}") if one.pointer else one


def on_ledger_error(request: Request[Any, Any, Any], error: LedgerError) -> Response[bytes]:
    errors, headers = (error.errors, error.headers) if isinstance(error, ApiError) else ([], {})
    if pointer := FIELDS.get(error.code):
        errors = [FieldError(detail=error.detail, pointer=pointer)]
    if member := request.scope.get(_WITHIN):
        errors = [_inside(one, str(member)) for one in errors]
    if isinstance(error, StoreUnavailable):
        log.warning("store_unavailable", detail=error.detail)
    status = status_of(type(error))
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:
        log.error(error.code, detail=error.detail)
    common = problem(error.code, error.detail, request.url.path, errors, status)
    if isinstance(error, ApiError):
        common = error.as_problem(common)
    elif (with_members := OWN_MEMBERS.get(type(error))) is not None:
        common = with_members(error, common)
    return answer(common, headers)


def on_http(request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    """Litestar's own: routing, body size, decoding."""
    if isinstance(error, ValidationException):
        return _on_validation(request, error)
    code = _OF_STATUS.get(error.status_code, Malformed).code
    detail = DETAIL.get(error.status_code) or error.detail or phrase(error.status_code)
    headers = dict(error.headers or {})
    if "allow" in headers:
        headers["allow"] = allow(headers["allow"].split(", "))
    return answer(problem(code, detail, request.url.path), headers)


def allow(methods: Iterable[str]) -> str:
    """The value of `Allow`: HEAD is taken wherever GET is, and OPTIONS everywhere."""
    taken = {*methods, "OPTIONS"}
    return ", ".join(sorted(taken | {"HEAD"} if "GET" in taken else taken))


def _on_validation(request: Request[Any, Any, Any], error: ValidationException) -> Response[bytes]:
    extra = error.extra if isinstance(error.extra, list) else []
    errors = [_field_error(request, each) for each in extra] or list(_missing_headers(request))
    errors = errors or [FieldError(detail=error.detail)]
    return answer(problem("invalid", in_one_sentence(errors), request.url.path, errors))


def _field_error(request: Request[Any, Any, Any], message: Mapping[str, str]) -> FieldError:
    """Of a parameter, by the name that the caller knows; bodies are checked before Litestar sees them."""
    key = message.get("key", "")
    field = request.route_handler.parsed_fn_signature.parameters.get(key)
    name = getattr(field.kwarg_definition, "name", None) if field else None
    kind = field.annotation if field else Any
    return FieldError(detail=in_words(message["message"], kind, from_text=True), parameter=name or key)


def _missing_headers(request: Request[Any, Any, Any]) -> Iterator[FieldError]:
    """Litestar tells of the first one, with the address and its query, and no field."""
    for field in request.route_handler.parsed_fn_signature.parameters.values():
        declared = field.kwarg_definition
        if not isinstance(declared, ParameterKwarg) or declared.param_type != ParamType.HEADER:
            continue
        if field.is_required and declared.name and declared.name not in request.headers:
            yield FieldError(detail="is required", parameter=declared.name)


def in_one_sentence(errors: Sequence[FieldError]) -> str:
    shown = [
        f"{each.pointer or each.parameter or 'The body'}: {each.detail}" for each in errors[:MOST_ERRORS]
    ]
    more = len(errors) - len(shown)
    return "; ".join(shown) + (f"; and {more} more." if more else ".")


def on_any(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Nothing of the exception reaches the caller: it may hold values that are not theirs."""
    log.error("unhandled", exc_info=error)
    return answer(
        problem(
            Internal.code,
            "Something went wrong here. Send the request_id with your report.",
            request.url.path,
        )
    )


HANDLERS: ExceptionHandlersMap = {LedgerError: on_ledger_error, HTTPException: on_http, Exception: on_any}
