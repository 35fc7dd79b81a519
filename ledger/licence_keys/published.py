"""The list of public keys, as it is published and as verifiers are given it."""

from __future__ import annotations

from datetime import datetime

import msgspec

from ledger.licence_keys.keyring import Keyring
from ledger.verifier.form import encoded
from ledger.verifier.keys import ALGORITHM


class LicenceKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key that signed, signs, or will sign."""

    kid: str
    """The first 16 hexadecimal digits of the SHA-256 of the public key."""
    alg: str
    """Always `Ed25519`."""
    public_key: str
    """32 bytes as base64url without padding."""
    created_at: datetime
    retired_at: datetime | None
    """From then on it signs nothing. What it signed before is good to its own end."""
    compromised_at: datetime | None
    """Where it is set, nothing counts that the key has signed, whenever that says it was."""


class LicenceKeyList(msgspec.Struct, frozen=True, kw_only=True):
    """In the order in which they sign."""

    keys: list[LicenceKey]


def published(keyring: Keyring) -> LicenceKeyList:
    return LicenceKeyList(
        keys=[
            LicenceKey(
                kid=key.kid,
                alg=ALGORITHM,
                public_key=encoded(key.public_key),
                created_at=key.created_at,
                retired_at=key.retired_at,
                compromised_at=key.compromised_at,
            )
            for key in keyring.keys
        ]
    )
