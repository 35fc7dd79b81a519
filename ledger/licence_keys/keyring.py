"""The keys that sign what is said of licences: one signs at a time, and the next is published before it does.

Which one signs follows from the time of issue alone, so that the same claims have the same signature at any
later time, and what was signed need not be kept. Times are whole seconds, as in what is signed.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cached_property

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger.errors import OperatorError
from ledger.instants import in_utc
from ledger.message import Instant
from ledger.verifier.keys import kid_of


class KeyringError(OperatorError):
    """The keyring cannot be used, or not in the way that was asked for."""

    code = "licence_keys"


class SigningKey(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """An Ed25519 pair. It signs from the moment that the one before it retires."""

    seed: bytes
    """32 bytes, which are the secret."""
    created_at: Instant
    retired_at: Instant | None = None
    compromised_at: Instant | None = None

    @cached_property
    def private(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.seed)

    @cached_property
    def public_key(self) -> bytes:
        return self.private.public_key().public_bytes_raw()

    @cached_property
    def kid(self) -> str:
        return kid_of(self.public_key)

    def __repr__(self) -> str:
        return f"SigningKey({self.kid})"


class Keyring(msgspec.Struct, frozen=True):
    """In the order in which they sign; all but the last have a time at which they retire."""

    keys: tuple[SigningKey, ...]

    def signing(self, at: datetime) -> SigningKey:
        """For what is issued `at` that time; the first key also for what was issued before it was made."""
        return next(key for key in self.keys if key.retired_at is None or at < key.retired_at)

    def find(self, kid: str) -> int:
        """Its place. Raises `KeyringError`."""
        for place, key in enumerate(self.keys):
            if key.kid == kid:
                return place
        raise KeyringError(f"There is no key {kid}: known are {', '.join(key.kid for key in self.keys)}.")


def made(at: datetime) -> Keyring:
    """With one new key."""
    return Keyring((_new(at),))


def rotated(keyring: Keyring, at: datetime, after: timedelta) -> Keyring:
    """With a new key, which is published at once and signs `after` that long; the present one retires then.

    Raises `KeyringError` while another waits to sign.
    """
    now = _whole(at)
    *before, last = keyring.keys
    if keyring.signing(now) is not last:
        raise KeyringError(f"The key {last.kid} waits to sign: rotate when it does.")
    retiring = msgspec.structs.replace(last, retired_at=_whole(now + after))
    return Keyring((*before, retiring, _new(now)))


def compromised(keyring: Keyring, kid: str, at: datetime) -> Keyring:
    """From now on nothing that the key has signed counts, and it signs no more: the next one does, at once,
    and is made if there is none. Raises `KeyringError` for a key that is not there.
    """
    now = _whole(at)
    place = keyring.find(kid)
    key = keyring.keys[place]
    if key.compromised_at is not None:
        return keyring
    ended = msgspec.structs.replace(key, compromised_at=now, retired_at=_retired(keyring, place, now))
    following = keyring.keys[place + 1 :] or (_new(now),)
    return Keyring((*keyring.keys[:place], ended, *following))


def _retired(keyring: Keyring, place: int, now: datetime) -> datetime:
    """No later than it would be, and no earlier than the one before it, whose time stays its own."""
    begins = keyring.keys[place - 1].retired_at if place else None
    ends = keyring.keys[place].retired_at
    at = now if begins is None else max(now, begins)
    return at if ends is None else min(at, ends)


def _new(at: datetime) -> SigningKey:
    return SigningKey(seed=Ed25519PrivateKey.generate().private_bytes_raw(), created_at=_whole(at))


def _whole(at: datetime) -> datetime:
    return in_utc(at).replace(microsecond=0)
