"""The public keys that a verifier trusts: what its owner gave it, never what comes with a licence.

The list is what the service publishes at `/.well-known/license-keys`: fetched over HTTPS, or built in.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from .form import decoded

ALGORITHM: Final = "Ed25519"


class UnusableKeys(ValueError):
    """The list of public keys cannot be used; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicKey:
    """One of the list. Times are seconds since 1970."""

    kid: str
    public_key: bytes
    retired_at: int | None = None
    """From then on it signs nothing; what it signed before is good to its end."""
    compromised_at: int | None = None
    """When it was found that others may sign with it: nothing that it signed counts, whenever."""


def kid_of(public_key: bytes) -> str:
    """16 hexadecimal digits, made of the key itself: so no list can give one key the name of another."""
    return sha256(public_key).hexdigest()[:16]


def keys_of(published: bytes | str) -> Mapping[str, PublicKey]:
    """By `kid`. Raises `UnusableKeys`."""
    try:
        listed = json.loads(published)["keys"]
        found = {key.kid: key for key in map(_key, listed)}
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise UnusableKeys(
            f"This is no list of keys as /.well-known/license-keys has it: {error!r}."
        ) from None
    if len(found) != len(listed):
        raise UnusableKeys("The list of keys has a key twice: fetch it anew from /.well-known/license-keys.")
    return found


def _key(listed: Mapping[str, Any]) -> PublicKey:
    public_key = decoded(listed["public_key"])
    Ed25519PublicKey.from_public_bytes(public_key)  # of 32 bytes
    if listed["alg"] != ALGORITHM or listed["kid"] != kid_of(public_key):
        raise ValueError(f"`kid` or `alg` is not that of the key {kid_of(public_key)}")
    return PublicKey(
        kid=listed["kid"],
        public_key=public_key,
        retired_at=_seconds(listed["retired_at"]),
        compromised_at=_seconds(listed["compromised_at"]),
    )


def _seconds(time: str | None) -> int | None:
    """Of RFC 3339. A key without the member is refused: an older list would be of other rules."""
    if time is None:
        return None
    moment = datetime.fromisoformat(time)
    if moment.tzinfo is None:
        raise ValueError("a time has no zone")
    return int(moment.timestamp())
