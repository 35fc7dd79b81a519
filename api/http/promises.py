"""What a request can be refused with: for the document, of each operation; for the reference, of each code.

The errors say it of themselves, by code, docstring and remedy, so that nothing is listed twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from inspect import cleandoc
from typing import Union

import msgspec
from litestar.openapi.datastructures import ResponseSpec

from api.http.access import Access
from api.http.problems import (
    MEDIA_TYPE,
    BodyTooLarge,
    HeadersTooLarge,
    IdempotencyInFlight,
    IdempotencyKeyMissing,
    Internal,
    Malformed,
    NotImplementedHere,
    PositionNotReached,
    Problem,
    RateLimited,
    TooSlow,
    Unauthenticated,
    Unprocessable,
    UnsupportedMediaType,
    UriTooLong,
    VersionNotSupported,
    phrase,
    status_of,
)
from ledger.errors import (
    Contended,
    Forbidden,
    IdempotencyMismatch,
    LedgerError,
    OperatorError,
    StoreUnavailable,
)
from ledger.licences.live import LicenceNotLive
from ledger.usage.refusals import MetricNotGranted, UsageExceeded

Refusal = type[LedgerError]
WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
_OURS = frozenset({"ledger", "projections", "api"})
ANY_REQUEST: frozenset[Refusal] = frozenset(
    {
        Malformed,
        BodyTooLarge,
        UriTooLong,
        HeadersTooLarge,
        Internal,
        NotImplementedHere,
        VersionNotSupported,
    }
)


class ProblemSpec(ResponseSpec):
    """A documented answer with a problem. `refusals` are those that have its status."""

    def __init__(self, refusals: frozenset[Refusal], bodies: Sequence[type[Problem]] = (Problem,)) -> None:
        status = status_of(next(iter(refusals)))
        super().__init__(
            Union[tuple(bodies)],  # noqa: UP007  made of as many as there are
            description=phrase(status),
            media_type=MEDIA_TYPE,
            generate_examples=False,
        )
        self.refusals = refusals


def responses(
    *refusals: Refusal, bodies: Mapping[Refusal, type[Problem]] | None = None
) -> dict[int, ResponseSpec]:
    """For `responses=` of a handler: what it refuses beside what any request can meet, which
    `api.http.document` adds. `bodies` are of those whose problem has members of its own.
    """
    bodies = bodies or {}
    of_status: dict[int, set[Refusal]] = {}
    for refusal in (*refusals, *bodies):
        of_status.setdefault(status_of(refusal), set()).add(refusal)
    return {
        status: ProblemSpec(
            frozenset(found), list(dict.fromkeys(bodies.get(each, Problem) for each in found))
        )
        for status, found in sorted(of_status.items())
    }


def of_any_request(access: Access, *, idempotent: bool) -> Iterator[Refusal]:
    """What an operation refuses before its handler is asked, by what its `access` asks for."""
    yield from ANY_REQUEST
    yield StoreUnavailable
    if access.signature:
        yield UnsupportedMediaType
        return
    yield from (Unauthenticated, RateLimited)
    if access.counted:
        yield from (UsageExceeded, LicenceNotLive, MetricNotGranted, Contended)
    if access.roles:
        yield from (Forbidden, Unprocessable, PositionNotReached, TooSlow)
    if access.method in WITH_BODY:
        yield from (Unprocessable, UnsupportedMediaType)
    if idempotent:
        yield from (IdempotencyKeyMissing, IdempotencyInFlight, IdempotencyMismatch, Contended)


class Case(msgspec.Struct, frozen=True):
    """One way to meet a code."""

    cause: str
    remedy: str
    passing: bool
    """Not kept under an `Idempotency-Key`."""


class ProblemType(msgspec.Struct, frozen=True):
    """A code, and all that can be behind it: several errors may share one."""

    code: str
    status: int
    cases: tuple[Case, ...]


def problem_types() -> list[ProblemType]:
    """Of every error that a request can meet; importing the application has defined them all."""
    by_code: dict[str, list[Refusal]] = {}
    for error in below(LedgerError):
        if hasattr(error, "code"):
            by_code.setdefault(error.code, []).append(error)
    return [_type(code, errors) for code, errors in sorted(by_code.items())]


def below(error: Refusal) -> Iterator[Refusal]:
    """All kinds of it that a request can meet. Ours alone: who builds upon the ledger may have errors of
    their own.
    """
    for each in error.__subclasses__():
        if each.__module__.partition(".")[0] in _OURS and not issubclass(each, OperatorError):
            yield each
            yield from below(each)


def _type(code: str, errors: Sequence[Refusal]) -> ProblemType:
    statuses = {status_of(error) for error in errors}
    assert len(statuses) == 1, f"{code} has one status for all that it stands for"
    cases = dict.fromkeys(Case(_cause(error), error.remedy, error.passing) for error in errors)
    return ProblemType(code, statuses.pop(), tuple(cases))


def _cause(error: Refusal) -> str:
    assert error.__doc__, f"{error.__name__} says what happened"
    return " ".join(cleandoc(error.__doc__).split())
