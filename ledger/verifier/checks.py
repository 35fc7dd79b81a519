"""The checks themselves: pure, with the time and the keys given."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Generic

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from .claims import VALID, VERSION, AnswerClaims, C, Claims, FileClaims, KeyClaims, claims_of
from .codes import ADVICE
from .form import NotOneForm, Signed, parse
from .keys import PublicKey

Keys = Mapping[str, PublicKey]
_KID: Final = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Result(Generic[C]):
    """What a check came to."""

    code: str
    """One of `codes.ADVICE`, or what an answer says that is newer than this verifier."""
    detail: str
    """What it means and what to do; never what is in the text."""
    kid: str = ""
    claims: C | None = None
    """Only of what the service has signed."""

    @property
    def valid(self) -> bool:
        return self.code == VALID


class _Failed(Exception):
    def __init__(self, code: str, why: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.why = why


def check_key(
    text: str, keys: Keys, at: int, *, latest_seen: int | None = None, leeway_s: int = 0
) -> Result[KeyClaims]:
    """`latest_seen` is what a `State` has: the clock may not be before it, nor before the time of issue. Both
    with a leeway, as clocks differ; an expiry has none.
    """
    return _checked(KeyClaims, text, keys, lambda claims: _of_times(claims, at, latest_seen, leeway_s))


def check_file(
    text: str, keys: Keys, at: int, *, latest_seen: int | None = None, leeway_s: int = 0
) -> Result[FileClaims]:
    """As `check_key`."""
    return _checked(FileClaims, text, keys, lambda claims: _of_times(claims, at, latest_seen, leeway_s))


def check_answer(
    text: str,
    keys: Keys,
    at: int,
    *,
    nonce: str,
    subject: str | None = None,
    feature: str | None = None,
    latest_seen: int | None = None,
    leeway_s: int = 0,
) -> Result[AnswerClaims]:
    """An answer to the question with this `nonce`, and, where they are given, about this licence and this
    feature: a nonce must be drawn anew for each question, else an old answer would do.
    """

    def code(claims: AnswerClaims) -> str:
        return _of_question(claims, nonce, subject, feature) or _of_times(claims, at, latest_seen, leeway_s)

    return _checked(AnswerClaims, text, keys, code)


def _checked(kind: type[C], text: str, keys: Keys, judge: Callable[[C], str]) -> Result[C]:
    kid = ""
    try:
        said = _parsed(kind.KIND, text)
        kid = _kid(said)
        claims = _claims(kind, said)
        _check_signature(said, _trusted(kid, keys))
    except _Failed as failed:
        return Result(code=failed.code, detail=_detail(failed.code, failed.why), kid=kid)
    retired_at = keys[kid].retired_at
    code = "retired_kid" if retired_at is not None and claims.issued_at >= retired_at else judge(claims)
    return Result(code=code, detail=_detail(code), kid=kid, claims=claims)


def _parsed(kind: str, text: str) -> Signed:
    try:
        said = parse(text)
    except NotOneForm as error:
        raise _Failed("malformed", str(error)) from None
    if said.kind != kind:
        raise _Failed("malformed", f"it does not begin with {kind}/")
    if said.payload.get("v") != VERSION and type(said.payload.get("v")) is int:
        raise _Failed("unknown_version")
    return said


def _kid(said: Signed) -> str:
    kid = said.payload.get("kid")
    if not isinstance(kid, str) or _KID.fullmatch(kid) is None:
        raise _Failed("malformed", "`kid` is not what it may be")
    return kid


def _claims(kind: type[C], said: Signed) -> C:
    try:
        return claims_of(kind, said.payload)
    except NotOneForm as error:
        raise _Failed("malformed", str(error)) from None


def _trusted(kid: str, keys: Keys) -> Ed25519PublicKey:
    key = keys.get(kid)
    if key is None:
        raise _Failed("unknown_kid")
    if key.compromised_at is not None:  # whenever: who has the key writes any time of issue
        raise _Failed("compromised_kid")
    return Ed25519PublicKey.from_public_bytes(key.public_key)


def _check_signature(said: Signed, key: Ed25519PublicKey) -> None:
    try:
        key.verify(said.signature, said.signed)
    except InvalidSignature:
        raise _Failed("bad_signature") from None


def _of_question(claims: AnswerClaims, nonce: str, subject: str | None, feature: str | None) -> str:
    """A code when it is another question's, else nothing."""
    if claims.nonce != nonce:
        return "other_nonce"
    if subject is not None and claims.subject not in (subject, None):  # None: of a key that is unknown
        return "other_subject"
    if feature is not None and claims.feature != feature:
        return "other_feature"
    return ""


def _of_times(claims: Claims, at: int, latest_seen: int | None, leeway_s: int) -> str:
    """The code of all else: clock, what an answer says, and ends."""
    if at + leeway_s < claims.issued_at:
        return "clock_before_issue"
    if latest_seen is not None and at + leeway_s < latest_seen:
        return "clock_rolled_back"
    said = claims.code if isinstance(claims, AnswerClaims) else VALID
    until = claims.expires_at if isinstance(claims, KeyClaims) else claims.valid_until
    if said == VALID and claims.expires_at is not None and at >= claims.expires_at:
        return "expired"
    return "outdated" if at >= until else said


def _detail(code: str, why: str = "") -> str:
    advice = ADVICE.get(code, "The service says so: ask who sold the licence.")
    return f"{why[0].upper()}{why[1:]}. {advice}" if why else advice
