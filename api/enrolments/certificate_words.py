"""The name that is on a certificate, in a table beside the facts: written before the command, erasable."""

from __future__ import annotations

import secrets

import msgspec

from api.courses.words import SALT_BYTES, salted
from ledger.store.batched_queries import Connection

_NAME = "SELECT name FROM contacts WHERE user_id = %s"
_INSERT = """
    INSERT INTO certificate_words (words_id, learner_id, name, salt)
    VALUES (%s, %s, %s, %s)
    ON CONFLICT (words_id) DO NOTHING
"""
_READ = "SELECT name, salt FROM certificate_words WHERE words_id = %s"


class Named(msgspec.Struct, frozen=True):
    words_id: str
    words_hash: str


async def write(connection: Connection, words_id: str, learner_id: str) -> Named | None:
    """The learner's name as their contact data have it now; a repeat finds the one of the first time. None
    when they have given none, or had it erased.
    """
    row = await (await connection.execute(_NAME, (learner_id,))).fetchone()
    if row is None or not row[0]:
        return None
    salt = secrets.token_bytes(SALT_BYTES)
    await connection.execute(_INSERT, (words_id, learner_id, row[0], salt))
    kept = await (await connection.execute(_READ, (words_id,))).fetchone()
    if kept is None or kept[0] is None:
        return None
    return Named(words_id, salted(bytes(kept[1]), {"name": kept[0]}))


_ERASE = """
    UPDATE certificate_words
    SET name = NULL, salt = NULL, erased_at = clock_timestamp()
    WHERE learner_id = %s AND erased_at IS NULL
"""


async def erase(connection: Connection, learner_id: str) -> None:
    """From all certificates of a user, for good; each says that it was."""
    await connection.execute(_ERASE, (learner_id,))
