"""Who holds a licence's key: it comes in a header, never in an address, and is neither kept nor logged."""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated, ClassVar

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from litestar.params import HeaderParameter
from msgspec import Struct

from api.http.problems import ApiError
from api.licence_keyring import LicenceKeyring
from api.services import Services
from ledger.licence_keys.keyring import Keyring
from ledger.licences.decider import LICENCE
from ledger.licences.key_claims import key_works
from ledger.licences.state import Licence
from ledger.licences.stream import stream_of
from ledger.verifier import KeyClaims, PublicKey, Result, check_key

LicenceKey = Annotated[
    str,
    HeaderParameter(
        name="Licence-Key",
        min_length=1,
        max_length=8_000,
        description="The key of the licence, as its organisation was given it.",
    ),
]
_LEEWAY_S = 60
"""Clocks differ, also those of processes of one service."""
_SIGNED = frozenset({"valid", "expired"})
"""A key says when the term ended that it was made in. Whether the licence has is asked of the licence."""
_NOBODYS = "lic_0"
_NO_SIGNATURE = bytes(64)


class LicenceKeyInvalid(ApiError):
    """The key is of no licence: not signed here, altered, or signed by a key that others may have."""

    code: ClassVar[str] = "licence_key_invalid"
    remedy: ClassVar[str] = (
        "Send the key in `Licence-Key` exactly as it was given, whole and with nothing around it."
    )
    passing: ClassVar[bool] = True


class LicenceKeyReplaced(ApiError):
    """The licence's key was issued anew, and this one has ended."""

    code: ClassVar[str] = "licence_key_replaced"
    remedy: ClassVar[str] = "Ask who manages the organisation for the new key, which they can reveal."
    passing: ClassVar[bool] = True


class Held(Struct, frozen=True):
    """A licence that the service signed a key of, and whether that key still works."""

    licence: Licence
    serial: int
    """Of the key."""
    works: bool


async def held(services: Services, key: str) -> Licence:
    """The licence, by the ledger. Raises `LicenceKeyInvalid`, which tells nothing of why, and
    `LicenceKeyReplaced`.
    """
    found = await find(services, key)
    if found is None:
        raise LicenceKeyInvalid("This key is of no licence.")
    if not found.works:
        raise LicenceKeyReplaced("This licence has a newer key, and this one has ended.")
    return found.licence


async def find(services: Services, key: str) -> Held | None:
    """None for a key of no licence, on the same way whatever is wrong with it: a signature is checked, and a
    stream is read, as for one that is right and was not seen yet.
    """
    now = services.now()
    claims = _claims(services.licence_keyring, key, int(now.timestamp()))
    about = claims.licence_id if claims else _NOBODYS
    licence: Licence = await services.store.state(LICENCE, stream_of(about))
    if claims is None:
        return None
    works = bool(licence.licence_id) and key_works(licence, claims.serial, now)
    if not works:  # then it costs what any wrong one does
        services.licence_keyring.known.forget(key)
    return Held(licence, claims.serial, works) if licence.licence_id else None


def _claims(keys: LicenceKeyring, key: str, now_s: int) -> KeyClaims | None:
    """What a key says that was signed here."""
    keyring = keys.published()
    known = keys.known.recall(key)
    if known is not None and known.issued_at <= now_s + _LEEWAY_S:
        return known
    checked = check_key(key, _public(keyring), now_s, leeway_s=_LEEWAY_S)
    _weigh(checked, key, keyring)
    if checked.claims is None or checked.code not in _SIGNED:
        return None
    keys.known.remember(key, checked.claims)
    return checked.claims


def _weigh(checked: Result[KeyClaims], key: str, keyring: Keyring | None) -> None:
    """Checks a signature where the verifier had no reason to, so that the time tells nothing of why a key is
    refused.
    """
    if checked.claims is not None or checked.code == "bad_signature" or keyring is None:
        return
    with suppress(InvalidSignature):
        public = Ed25519PublicKey.from_public_bytes(keyring.keys[-1].public_key)
        public.verify(_NO_SIGNATURE, key.encode())


def _public(keyring: Keyring | None) -> dict[str, PublicKey]:
    return {
        key.kid: PublicKey(
            kid=key.kid,
            public_key=key.public_key,
            retired_at=None if key.retired_at is None else int(key.retired_at.timestamp()),
            compromised_at=None if key.compromised_at is None else int(key.compromised_at.timestamp()),
        )
        for key in (keyring.keys if keyring else ())
    }
