"""Keys of licences whose signature was found good, so that it, most of a question's cost, is checked once.

Only what a keyring says of a text is remembered: whether the licence has ended is asked of the ledger each
time. Kept is a hash of the key, never the key, and in memory alone.
"""

from __future__ import annotations

from collections import OrderedDict
from hashlib import sha256

from ledger.verifier import KeyClaims

SIZE = 20_000
"""As many as there are streams in the store's cache; about 12 MB."""


class KnownLicenceKeys:
    """Of one keyring: when that changes, all are to be forgotten. The least recently used go first."""

    def __init__(self, size: int = SIZE) -> None:
        self._size = size
        self._claims: OrderedDict[bytes, KeyClaims] = OrderedDict()

    def recall(self, key: str) -> KeyClaims | None:
        digest = _digest(key)
        claims = self._claims.get(digest)
        if claims is not None:
            self._claims.move_to_end(digest)
        return claims

    def remember(self, key: str, claims: KeyClaims) -> None:
        self._claims[_digest(key)] = claims
        if len(self._claims) > self._size:
            self._claims.popitem(last=False)

    def forget(self, key: str) -> None:
        self._claims.pop(_digest(key), None)

    def clear(self) -> None:
        self._claims.clear()


def _digest(key: str) -> bytes:
    return sha256(key.encode("utf-8", "surrogatepass")).digest()
