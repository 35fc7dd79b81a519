"""What people wrote in reviews and replies, beside the facts: written before the command, erasable."""

from __future__ import annotations

import secrets

from api.courses.words import SALT_BYTES, salted
from ledger.errors import NotFound
from ledger.store.batched_queries import Connection

_INSERT = """
    INSERT INTO review_words (words_id, course_id, author, text, salt)
    VALUES (%s, %s, %s, %s, %s)
    ON CONFLICT (words_id) DO NOTHING
"""
_SALT = "SELECT salt FROM review_words WHERE words_id = %s"


async def write(connection: Connection, words_id: str, course_id: str, author: str, text: str) -> str:
    """The salted hash; a repeat has the first one's salt. Raises `NotFound` when it was erased since."""
    await connection.execute(_INSERT, (words_id, course_id, author, text, secrets.token_bytes(SALT_BYTES)))
    row = await (await connection.execute(_SALT, (words_id,))).fetchone()
    if row is None or row[0] is None:
        raise NotFound("What was written there is erased; write it anew with a new Idempotency-Key.")
    return salted(bytes(row[0]), text)


_READ = "SELECT text FROM review_words WHERE words_id = %s"


async def read(connection: Connection, words_id: str) -> str | None:
    """None when they are erased, or nothing was written."""
    row = await (await connection.execute(_READ, (words_id,))).fetchone()
    return None if row is None else row[0]


_ERASE = """
    UPDATE review_words
    SET text = NULL, salt = NULL, erased_at = clock_timestamp()
    WHERE author = %s AND erased_at IS NULL
"""


async def erase(connection: Connection, author: str) -> None:
    """All that a user ever wrote in reviews and replies, for good; the stars stay."""
    await connection.execute(_ERASE, (author,))
