"""What is signed of licences: keys, files for offline use, and answers. Nothing of it is kept.

Ed25519 signs the same bytes alike each time, so that whoever has the claims and the keyring has the text.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final, TypeVar

from ledger.instants import from_unix
from ledger.licence_keys.keyring import Keyring
from ledger.verifier import AnswerClaims, FileClaims, KeyClaims
from ledger.verifier.claims import VALID, members_of
from ledger.verifier.form import payload_of, signed_part, written

FILE_LIFE_S: Final = 90 * 86_400
"""At most: so long a licence that was revoked may go on somewhere offline."""
ANSWER_LIFE_S: Final = 86_400
"""At most."""
C = TypeVar("C", bound=FileClaims | AnswerClaims)


class SignedByCompromisedKey(Exception):
    """The claims are of the time of a key that others may have: they count nowhere, and are to be issued
    anew, with a new serial and time of issue.
    """


def key_of(claims: KeyClaims, keyring: Keyring) -> str:
    """The licence's key, the same each time. Raises `SignedByCompromisedKey`, and `NotOneForm` for claims
    that have no form.
    """
    return _signed(claims, keyring)


def file_of(claims: FileClaims, keyring: Keyring) -> str:
    """As `key_of`. It is good for as long as its claims say, for 90 days at most, and never longer than the
    licence.
    """
    return _signed(_bounded(claims, FILE_LIFE_S), keyring)


def answer_of(claims: AnswerClaims, keyring: Keyring) -> str:
    """As `key_of`. It is good for as long as its claims say, for a day at most; where it says `valid`, never
    longer than the licence, whose `expires_at` is here the end of its grace if that is when it stops working.
    """
    return _signed(_bounded(claims, ANSWER_LIFE_S), keyring)


def _bounded(claims: C, most_s: int) -> C:
    until = min(claims.valid_until, claims.issued_at + most_s)
    if claims.expires_at is not None and (isinstance(claims, FileClaims) or claims.code == VALID):
        until = min(until, claims.expires_at)
    return replace(claims, valid_until=until)


def _signed(claims: KeyClaims | FileClaims | AnswerClaims, keyring: Keyring) -> str:
    key = keyring.signing(from_unix(claims.issued_at))
    if key.compromised_at is not None:
        raise SignedByCompromisedKey(key.kid)
    payload = payload_of(members_of(claims, key.kid))
    return written(claims.KIND, payload, key.private.sign(signed_part(claims.KIND, payload)))
