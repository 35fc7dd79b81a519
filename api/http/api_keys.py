"""API keys of services. A key is shown once; the database has its SHA-256 alone.

The key has 256 random bits, so a plain hash is enough: there is nothing to guess. The application's role
may only read the table; keys are made and revoked by the operator, with the owner's connection.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Collection, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any

import msgspec
import psycopg

from api.http.auth import API_KEY_PREFIX, ROLES, ApiKey
from api.http.scopes import ACT, SCOPES
from ledger.errors import Invalid, NotFound
from ledger.ids import new_id
from ledger.store.batched_queries import BatchedQuery, Connection


class NewApiKey(msgspec.Struct, frozen=True):
    """`key` cannot be shown again."""

    key_id: str
    key: str

    def __repr__(self) -> str:
        return f"NewApiKey(key_id={self.key_id!r}, key='***')"


_INSERT = """
    INSERT INTO api_keys (key_id, hash, name, roles, expires_at, licence_id, scopes)
    VALUES (%s, %s, %s, %s, %s, %s, %s)
"""
_LICENCE = "SELECT 1 FROM licences WHERE licence_id = %s"


def create_api_key(
    connection: psycopg.Connection[Any],
    name: str,
    roles: Collection[str],
    expires_at: datetime | None = None,
    licence_id: str | None = None,
    scopes: Collection[str] = (),
) -> NewApiKey:
    """Of a service, or with `licence_id` of the organisation that has it, whose calls are then counted on it.
    With `scopes` it may do of what its roles may those alone. The caller commits. `Invalid` for a role or a
    scope that does not exist, for a licence that the tables have not, and for one that acts for users.
    """
    if not roles or not ROLES.issuperset(roles):
        raise Invalid(f"Give one or more roles of: {', '.join(sorted(ROLES))}.")
    if not SCOPES.issuperset(scopes):
        raise Invalid(f"Scopes are: {', '.join(sorted(SCOPES))}.")
    if licence_id is not None and ACT in scopes:
        raise Invalid(f"An organisation's key acts for no user: leave out {ACT}, or the licence.")
    if licence_id is not None and connection.execute(_LICENCE, (licence_id,)).fetchone() is None:
        raise Invalid(f"There is no licence {licence_id!r:.80}: `GET /api/enterprise/licenses` lists them.")
    made = NewApiKey(key_id=new_id("key"), key=API_KEY_PREFIX + secrets.token_urlsafe(32))
    digest = sha256(made.key.encode()).digest()
    values = (made.key_id, digest, name, sorted(roles), expires_at, licence_id, sorted(scopes))
    connection.execute(_INSERT, values)
    return made


_REVOKE = """
    UPDATE api_keys
    SET revoked_at = COALESCE(revoked_at, clock_timestamp())
    WHERE key_id = %s
"""


def revoke_api_key(connection: psycopg.Connection[Any], key_id: str) -> None:
    """At once in the database, within seconds in every process. `NotFound` when there is none."""
    if connection.execute(_REVOKE, (key_id,)).rowcount == 0:
        raise NotFound(f"There is no API key {key_id}.")


_FIND = """
    SELECT hash, key_id, roles, expires_at, revoked_at, coalesce(licence_id, ''), scopes
    FROM api_keys
    WHERE hash = ANY(%s)
"""


async def _find(connection: Connection, digests: Sequence[bytes]) -> list[ApiKey | None]:
    rows = await (await connection.execute(_FIND, (list(digests),))).fetchall()
    return [_match(rows, digest) for digest in digests]


def _match(rows: Sequence[tuple[Any, ...]], digest: bytes) -> ApiKey | None:
    for stored, key_id, roles, expires_at, revoked_at, licence_id, scopes in rows:
        if hmac.compare_digest(bytes(stored), digest):
            return ApiKey(key_id, tuple(roles), expires_at, revoked_at, licence_id, tuple(scopes))
    return None


FIND_API_KEY: BatchedQuery[bytes, ApiKey | None] = BatchedQuery(_find)
"""By the SHA-256 of the key."""
