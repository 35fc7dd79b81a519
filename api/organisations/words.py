"""How people call an organisation and its classes, beside the facts: written before the command, erasable."""

from __future__ import annotations

import secrets

from api.courses.words import SALT_BYTES, salted
from ledger.errors import NotFound
from ledger.store.batched_queries import Connection

_INSERT = """
    INSERT INTO organisation_words (words_id, org_id, author, name, salt)
    VALUES (%s, %s, %s, %s, %s)
    ON CONFLICT (words_id) DO NOTHING
"""
_SALT = "SELECT salt FROM organisation_words WHERE words_id = %s"


async def write(connection: Connection, words_id: str, org_id: str, author: str, name: str) -> str:
    """The salted hash; a repeat has the first one's salt. Raises `NotFound` when it was erased since."""
    await connection.execute(_INSERT, (words_id, org_id, author, name, secrets.token_bytes(SALT_BYTES)))
    row = await (await connection.execute(_SALT, (words_id,))).fetchone()
    if row is None or row[0] is None:
        raise NotFound("What was written there is erased; write it anew with a new Idempotency-Key.")
    return salted(bytes(row[0]), name)


_READ = "SELECT name FROM organisation_words WHERE words_id = %s"


async def read(connection: Connection, words_id: str) -> str | None:
    """None when it is erased."""
    row = await (await connection.execute(_READ, (words_id,))).fetchone()
    return None if row is None else row[0]


_ERASE = """
    UPDATE organisation_words
    SET name = NULL, salt = NULL, erased_at = clock_timestamp()
    WHERE author = %s AND erased_at IS NULL
"""


async def erase(connection: Connection, author: str) -> None:
    """All names that a user ever gave, for good; who may can give new ones."""
    await connection.execute(_ERASE, (author,))
