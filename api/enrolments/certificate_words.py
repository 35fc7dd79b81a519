"""What a certificate says in words: a table beside the facts, written before the command, erasable."""

from __future__ import annotations

import secrets

import msgspec

from api.erasable import SALT_BYTES, salted
from ledger.enrolments.learning.events import EnrolmentCompleted
from ledger.store.batched_queries import Connection

_NAME = "SELECT name FROM contacts WHERE user_id = %s"
_INSERT = """
    INSERT INTO certificate_words (words_id, learner_id, name, salt, title)
    SELECT %s, %s, %s, %s, (
        SELECT title
        FROM course_revisions AS r
        JOIN course_words AS cw ON cw.words_id = r.content ->> 'words_id'
        WHERE r.course_id = %s AND r.revision = %s
    )
    ON CONFLICT (words_id) DO NOTHING
"""
_READ = "SELECT name, title, salt FROM certificate_words WHERE words_id = %s"


class Named(msgspec.Struct, frozen=True):
    words_id: str
    words_hash: str


async def write(connection: Connection, words_id: str, completed: EnrolmentCompleted) -> Named | None:
    """The learner's name as their contact data have it now, and the title of the revision that they
    completed: it is theirs from now on, whatever its author has erased later. A repeat finds what was written
    the first time. None when they have given no name, or had it erased.
    """
    learner_id = completed.learner_id
    row = await (await connection.execute(_NAME, (learner_id,))).fetchone()
    if row is None or not row[0]:
        return None
    written = (words_id, learner_id, row[0], secrets.token_bytes(SALT_BYTES))
    await connection.execute(_INSERT, (*written, completed.course_id, completed.revision))
    kept = await (await connection.execute(_READ, (words_id,))).fetchone()
    if kept is None or kept[0] is None:
        return None
    name, title, salt = kept
    return Named(words_id, salted(bytes(salt), {"name": name, "title": title}))


_ERASE = """
    UPDATE certificate_words
    SET name = NULL, salt = NULL, erased_at = clock_timestamp()
    WHERE learner_id = %s AND erased_at IS NULL
"""


async def erase(connection: Connection, learner_id: str) -> None:
    """From all certificates of a user, for good; each says that it was."""
    await connection.execute(_ERASE, (learner_id,))
