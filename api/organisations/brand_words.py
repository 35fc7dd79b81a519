"""What an organisation calls itself before its people, where its logo is, and its domain: beside the facts,
written before the command, erasable.
"""

from __future__ import annotations

import secrets

import msgspec

from api.courses.words import SALT_BYTES, salted
from ledger.errors import NotFound
from ledger.store.batched_queries import Connection


class BrandWords(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    logo: str | None = None
    """An https address, which the service never asks."""
    domain: str | None = None


_INSERT = """
    INSERT INTO brand_words (words_id, org_id, author, name, logo, domain, salt)
    VALUES (%s, %s, %s, %s, %s, %s, %s)
    ON CONFLICT (words_id) DO NOTHING
"""
_SALT = "SELECT salt FROM brand_words WHERE words_id = %s"


async def write(connection: Connection, words_id: str, org_id: str, author: str, words: BrandWords) -> str:
    """The salted hash; a repeat has the first one's salt. Raises `NotFound` when it was erased since."""
    written = (words.name, words.logo, words.domain, secrets.token_bytes(SALT_BYTES))
    await connection.execute(_INSERT, (words_id, org_id, author, *written))
    row = await (await connection.execute(_SALT, (words_id,))).fetchone()
    if row is None or row[0] is None:
        raise NotFound("What was written there is erased; write it anew with a new Idempotency-Key.")
    return salted(bytes(row[0]), msgspec.to_builtins(words))


_READ = "SELECT name, logo, domain FROM brand_words WHERE words_id = %s AND name IS NOT NULL"


async def read(connection: Connection, words_id: str) -> BrandWords | None:
    """None when it is erased."""
    row = await (await connection.execute(_READ, (words_id,))).fetchone()
    return None if row is None else BrandWords(name=row[0], logo=row[1], domain=row[2])


_ERASE = """
    UPDATE brand_words
    SET name = NULL, logo = NULL, domain = NULL, salt = NULL, erased_at = clock_timestamp()
    WHERE author = %s AND erased_at IS NULL
"""


async def erase(connection: Connection, author: str) -> None:
    """All brands that a user ever set, for good: they are used no more until somebody sets another."""
    await connection.execute(_ERASE, (author,))
