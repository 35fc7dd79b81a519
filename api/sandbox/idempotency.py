"""Idempotency keys. https://docs.stripe.com/api/idempotent_requests"""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from api.sandbox.errors import StripeError, invalid
from api.sandbox.store import Store

LONGEST_KEY = 255
KEPT_S = 24 * 3600
FORGOTTEN_EVERY_S = 3600
FIND = "SELECT fingerprint, status, body, request_id, created FROM idempotency WHERE key = ?"
# Rows are in the order they were made, so the oldest come first and no index is needed.
FORGET = """
DELETE FROM idempotency
WHERE created < ? AND rowid IN (SELECT rowid FROM idempotency ORDER BY rowid LIMIT 1000)
"""
_encode = msgspec.json.Encoder(order="deterministic").encode


class Replay(msgspec.Struct, frozen=True):
    status: int
    body: bytes
    request_id: str


class Keys:
    """Keys in use by requests that are not answered yet live in memory: they end with the process."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._in_use: set[str] = set()
        self.reload()

    def reload(self) -> None:
        """After a start or a reset, which turns the clock back: nothing was forgotten yet."""
        self._forgotten_at = 0

    def take(self, key: str, fingerprint: bytes, now: int, account: str = "") -> Replay | None:
        """The first outcome, or None and the key is taken until `release`. Raises StripeError."""
        if len(key) > LONGEST_KEY:
            raise invalid(f"Idempotency keys must be at most {LONGEST_KEY} characters; this has {len(key)}.")
        slot = scoped(account, key)
        if slot in self._in_use:
            raise _in_use(key)
        rows = self._store.rows(FIND, (slot,))
        if rows and now - rows[0][4] < KEPT_S:
            known, status, body, request_id, _ = rows[0]
            if known != fingerprint:
                raise _mismatch(key)
            return Replay(status=status, body=body, request_id=request_id)
        self._in_use.add(slot)
        return None

    def release(self, key: str, account: str = "") -> None:
        self._in_use.discard(scoped(account, key))

    def forget_old(self, now: int) -> None:
        """At most once an hour."""
        if now - self._forgotten_at < FORGOTTEN_EVERY_S:
            return
        self._forgotten_at = now
        while self._store.db.execute(FORGET, (now - KEPT_S,)).rowcount:
            pass


def scoped(account: str, key: str) -> str:
    """A connected account has keys of its own; no header, and so no key, can hold the line feed."""
    return f"{account}\n{key}" if account else key


def fingerprint(method: str, path: str, params: dict[str, Any]) -> bytes:
    """A hash of the endpoint and its parameters, whatever order they were sent in."""
    return hashlib.blake2b(_encode([method, path, params]), digest_size=16).digest()


def _mismatch(key: str) -> StripeError:
    return StripeError(
        "Keys for idempotent requests can only be used with the same parameters they were first used with. "
        f"Try using a key other than '{key}' if you meant to execute a different request.",
        kind="idempotency_error",
        saved=False,
    )


def _in_use(key: str) -> StripeError:
    return StripeError(
        "There is currently another in-progress request using this Idempotent Key (that probably means you "
        f"submitted twice, and the other request is still going through): {key}. Please try again later.",
        status=409,
        kind="idempotency_error",
        code="idempotency_key_in_use",
        saved=False,
    )
