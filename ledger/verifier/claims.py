"""What is said of a licence: the members of a payload, each with what it may be."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Final, TypeAlias, TypeVar

from .form import NotOneForm

VERSION: Final = 1
LAST_SECOND: Final = 253_402_300_799
"""Of the year 9999."""
VALID: Final = "valid"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyClaims:
    """A licence's key: what was sold, until when."""

    KIND: ClassVar[str] = "key"

    licence_id: str
    org_id: str
    tier: str
    features: tuple[str, ...]
    """Sorted, each once."""
    seats: int | None
    """None: as many as there are people."""
    serial: int
    """1 for the first key of a licence, and one more each time that it is issued anew."""
    issued_at: int
    expires_at: int
    """The first second at which it is over."""

    @property
    def ends(self) -> tuple[int | None, ...]:
        return (self.expires_at,)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileClaims:
    """The same for offline use: it is to be fetched anew before `valid_until`."""

    KIND: ClassVar[str] = "file"

    licence_id: str
    org_id: str
    tier: str
    features: tuple[str, ...]
    seats: int | None
    serial: int
    issued_at: int
    """Of the file."""
    valid_until: int
    expires_at: int
    """Of the licence."""

    @property
    def ends(self) -> tuple[int | None, ...]:
        return (self.valid_until, self.expires_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerClaims:
    """What the service said of a licence when it was asked."""

    KIND: ClassVar[str] = "answer"

    nonce: str
    """As the question had it."""
    subject: str | None
    """The licence's id; None when there is no such licence."""
    feature: str | None
    """The feature that was asked about, if one was."""
    code: str
    issued_at: int
    valid_until: int
    expires_at: int | None
    """Of the licence, if there is one: no `valid` is good for longer."""

    @property
    def ends(self) -> tuple[int | None, ...]:
        return (self.valid_until, self.expires_at) if self.code == VALID else (self.valid_until,)


Claims: TypeAlias = KeyClaims | FileClaims | AnswerClaims
C = TypeVar("C", bound=Claims)

_MEMBERS: Final[Mapping[type[Any], tuple[str, ...]]] = {
    kind: tuple(field.name for field in fields(kind)) for kind in (KeyClaims, FileClaims, AnswerClaims)
}
_ENVELOPE: Final = ("kid", "v")
_MOST: Final = 100
_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,100}")
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,99}")
_NONCE: Final = re.compile(r"[A-Za-z0-9._~-]{1,128}")
_CODE: Final = re.compile(r"[a-z_]{1,50}")


def members_of(claims: Claims, kid: str) -> dict[str, Any]:
    """For a payload. Raises `NotOneForm` for what could not be read again."""
    members = {name: getattr(claims, name) for name in _MEMBERS[type(claims)]}
    members |= {"kid": kid, "v": VERSION}
    if "features" in members:
        members["features"] = list(members["features"])
    claims_of(type(claims), members)
    return members


def claims_of(kind: type[C], members: Mapping[str, Any]) -> C:
    """Raises `NotOneForm` for a member too many or too few, and for what one may not be."""
    wanted = _MEMBERS[kind]
    if members.keys() != {*wanted, *_ENVELOPE}:
        raise NotOneForm(
            f"the members of a payload must be exactly {', '.join(sorted({*wanted, *_ENVELOPE}))}"
        )
    for name in sorted(wanted):
        if not _MAY_BE[name](members[name]):
            raise NotOneForm(f"`{name}` is not what it may be")  # never its value: it may be anybody's text
    values = {name: members[name] for name in wanted}
    if "features" in values:
        values["features"] = tuple(values["features"])
    claims = kind(**values)
    _check_whole(claims)
    return claims


def _check_whole(claims: Claims) -> None:
    """What is said is said of somebody, and its ends come after its issue, the licence's last."""
    if isinstance(claims, AnswerClaims) and claims.code == VALID and claims.subject is None:
        raise NotOneForm("`subject` must be a licence's id where `code` is valid")
    ends = claims.ends
    if None in ends or not claims.issued_at < (ends[0] or 0) <= (ends[-1] or 0):
        raise NotOneForm("`issued_at`, `valid_until` and `expires_at` must be in this order")


def _count(least: int, most: int) -> Callable[[Any], bool]:
    return lambda value: type(value) is int and least <= value <= most


def _text(pattern: re.Pattern[str]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and pattern.fullmatch(value) is not None


def _or_null(may_be: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: value is None or may_be(value)


def _features(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) <= _MOST
        and all(map(_text(_NAME), value))
        and value == sorted(set(value))
    )


_TIME: Final = _count(0, LAST_SECOND)
_MAY_BE: Final[Mapping[str, Callable[[Any], bool]]] = {
    "licence_id": _text(_ID),
    "org_id": _text(_ID),
    "tier": _text(_NAME),
    "features": _features,
    "seats": _or_null(_count(0, 1_000_000_000)),
    "serial": _count(1, 1_000_000_000),
    "issued_at": _TIME,
    "valid_until": _TIME,
    "expires_at": _or_null(_TIME),  # null in an answer alone, see `ends`
    "nonce": _text(_NONCE),
    "subject": _or_null(_text(_ID)),
    "feature": _or_null(_text(_NAME)),
    "code": _text(_CODE),
}
