"""Every error is RFC 9457 problem+json, and this is the only place that knows which HTTP status a code has.

Litestar's own plugin puts the message in `title` and leaves unhandled exceptions as application/json.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, ClassVar

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException
from litestar.openapi.datastructures import ResponseSpec
from litestar.types import ExceptionHandlersMap

from api.log import request_id
from api.words import in_words
from ledger.errors import LedgerError, StoreUnavailable

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
    "unsupported_media_type": 415,
    "rate_limited": 429,
    "contended": 503,
    "store_unavailable": 503,
    "too_slow": 503,
    "position_not_reached": 503,
    "stripe_unavailable": 503,
    "not_ready": 503,
    "chain_broken": 500,
    "internal": 500,
}
"""A refusal takes the status of its own code, else of the nearest base class's: so every `Invalid` is 422.
Any other refusal is a conflict with the state as it is: 409."""

_CODE_OF_STATUS = {
    400: "malformed",
    401: "unauthenticated",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    413: "body_too_large",
    415: "unsupported_media_type",
    422: "invalid",
    429: "rate_limited",
}
DETAIL = {
    404: "There is nothing at this address.",
    405: "This address does not take that method: see the Allow header.",
}
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

    code: ClassVar[str] = "malformed"

    def __init__(
        self, detail: str, *, errors: list[FieldError] | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.errors = errors or []
        self.headers = dict(headers or {})

    def told(self, said: Problem) -> Problem:
        """`said`, or a subclass of it with members of its own."""
        return said


class Malformed(ApiError):
    """The request cannot be read."""

    code = "malformed"


class Unprocessable(ApiError):
    """A value can be read but makes no sense."""

    code = "invalid"

    @classmethod
    def at(cls, *errors: FieldError) -> Unprocessable:
        """All of them in one sentence, each with where it is."""
        return cls(told_together(errors), errors=list(errors[:MOST_ERRORS]))


class Unauthenticated(ApiError):
    """No credential, or one that does not hold."""

    code = "unauthenticated"

    def __init__(self, detail: str) -> None:
        super().__init__(detail, headers={"WWW-Authenticate": 'Bearer realm="liberation"'})


class UnsupportedMediaType(ApiError):
    """Bodies are JSON, plain or as gzip."""

    code = "unsupported_media_type"


class NotAcceptable(ApiError):
    """Nothing of what the caller takes can be given."""

    code = "not_acceptable"


class RateLimited(ApiError):
    """Too many requests of one caller."""

    code = "rate_limited"


class IdempotencyKeyMissing(ApiError):
    """The request changes money, so a repeat of it must be recognised."""

    code = "idempotency_key_missing"


class IdempotencyInFlight(ApiError):
    """The first request with this key has no answer yet."""

    code = "idempotency_in_flight"


class PositionNotReached(ApiError):
    """The projections have not yet come to the position that the read asked for."""

    code = "position_not_reached"


class StripeUnavailable(ApiError):
    """Stripe did not answer, and the request is nothing without it."""

    code = "stripe_unavailable"


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


def _title(code: str, status: int) -> str:
    return HTTPStatus(status).phrase if code in STATUS else code.replace("_", " ").capitalize()


def answer(of: Problem, headers: Mapping[str, str] | None = None) -> Response[bytes]:
    """`of` may be a subclass with members of its own."""
    sent = dict(headers or {})
    if of.status == HTTPStatus.SERVICE_UNAVAILABLE or of.code == IdempotencyInFlight.code:
        sent.setdefault("Retry-After", RETRY_AFTER_S)
    return Response(msgspec.json.encode(of), status_code=of.status, media_type=MEDIA_TYPE, headers=sent)


FIELDS: Mapping[str, str] = {
    "invalid_amount": "/amount_minor",
    "invalid_credit": "/amount_minor",
    "invalid_currency": "/currency",
    "note_required": "/note",
    "unknown_tier": "/tier",
}
"""Which field of the body the rules mean by a code, where all bodies call it by one name."""


def on_ledger_error(request: Request[Any, Any, Any], error: LedgerError) -> Response[bytes]:
    errors, headers = (error.errors, error.headers) if isinstance(error, ApiError) else ([], {})
    if pointer := FIELDS.get(error.code):
        errors = [FieldError(detail=error.detail, pointer=pointer)]
    if isinstance(error, StoreUnavailable):
        log.warning("store_unavailable", detail=error.detail)
    status = status_of(type(error))
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:
        log.error(error.code, detail=error.detail)
    said = problem(error.code, error.detail, request.url.path, errors, status)
    return answer(error.told(said) if isinstance(error, ApiError) else said, headers)


def on_http(request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    """Litestar's own: routing, body size, decoding."""
    if isinstance(error, ValidationException):
        return _on_validation(request, error)
    code = _CODE_OF_STATUS.get(error.status_code, "malformed")
    detail = DETAIL.get(error.status_code) or error.detail or HTTPStatus(error.status_code).phrase
    return answer(problem(code, detail, request.url.path), error.headers)


def _on_validation(request: Request[Any, Any, Any], error: ValidationException) -> Response[bytes]:
    extra = error.extra if isinstance(error.extra, list) else []
    errors = [_field_error(request, each) for each in extra] or [FieldError(detail=error.detail)]
    return answer(problem("invalid", told_together(errors), request.url.path, errors))


def _field_error(request: Request[Any, Any, Any], message: Mapping[str, str]) -> FieldError:
    """Of a parameter, by the name that the caller knows; bodies are checked before Litestar sees them."""
    key = message.get("key", "")
    field = request.route_handler.parsed_fn_signature.parameters.get(key)
    name = getattr(field.kwarg_definition, "name", None) if field else None
    kind = field.annotation if field else Any
    return FieldError(detail=in_words(message["message"], kind, from_text=True), parameter=name or key)


def told_together(errors: Sequence[FieldError]) -> str:
    told = [f"{each.pointer or each.parameter or 'The body'}: {each.detail}" for each in errors[:MOST_ERRORS]]
    more = len(errors) - len(told)
    return "; ".join(told) + (f"; and {more} more." if more else ".")


def on_any(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Nothing of the exception reaches the caller: it may hold values that are not theirs."""
    log.error("unhandled", exc_info=error)
    return answer(
        problem(
            "internal", "Something went wrong here. Send the request_id with your report.", request.url.path
        )
    )


HANDLERS: ExceptionHandlersMap = {LedgerError: on_ledger_error, HTTPException: on_http, Exception: on_any}


def responses(*statuses: int) -> dict[int, ResponseSpec]:
    """For `responses=` of a handler: `statuses` and those that every call may get answer with a problem."""
    everywhere = {400, 401, 403, 413, 422, 429, 500, 503}
    return {
        status: ResponseSpec(
            Problem, description=HTTPStatus(status).phrase, media_type=MEDIA_TYPE, generate_examples=False
        )
        for status in sorted({*statuses, *everywhere})
    }
