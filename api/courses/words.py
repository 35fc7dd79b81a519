"""What people wrote of their courses, in a table beside the facts: written before the command, erasable."""

from __future__ import annotations

import secrets
from collections.abc import Mapping

import msgspec
from psycopg.types.json import Jsonb

from api.erasable import SALT_BYTES, erased
from ledger.store.batched_queries import Connection

_CONFIGS: Mapping[str, str] = {
    "ar": "arabic",
    "ca": "catalan",
    "da": "danish",
    "de": "german",
    "el": "greek",
    "en": "english",
    "es": "spanish",
    "eu": "basque",
    "fi": "finnish",
    "fr": "french",
    "ga": "irish",
    "hi": "hindi",
    "hu": "hungarian",
    "hy": "armenian",
    "id": "indonesian",
    "it": "italian",
    "lt": "lithuanian",
    "nb": "norwegian",
    "ne": "nepali",
    "nl": "dutch",
    "nn": "norwegian",
    "no": "norwegian",
    "pt": "portuguese",
    "ro": "romanian",
    "ru": "russian",
    "sr": "serbian",
    "sv": "swedish",
    "ta": "tamil",
    "tr": "turkish",
    "yi": "yiddish",
}
"""PostgreSQL's own, from version 14 on. https://www.postgresql.org/docs/current/textsearch-dictionaries.html"""


class Words(msgspec.Struct, frozen=True, kw_only=True):
    title: str
    description: str
    item_titles: dict[str, str]
    """By the item's id."""


def config_of(language: str) -> str:
    """How words of a BCP 47 language are brought to their stems; `simple` leaves them as they are."""
    return _CONFIGS.get(language.partition("-")[0], "simple")


_INSERT = """
    INSERT INTO course_words
        (words_id, course_id, author, title, description, item_titles, language_config, salt)
    VALUES (%s, %s, %s, %s, %s, %s, %s::regconfig, %s)
    ON CONFLICT (words_id) DO NOTHING
"""
_SALT = "SELECT salt FROM course_words WHERE words_id = %s"


async def write(
    connection: Connection, words_id: str, course_id: str, author: str, language: str, words: Words
) -> bytes:
    """The salt; a repeat finds the one of the first time. Raises `NotFound` when it was erased since."""
    values = (
        words_id,
        course_id,
        author,
        words.title,
        words.description,
        Jsonb(words.item_titles),
        config_of(language),
        secrets.token_bytes(SALT_BYTES),
    )
    await connection.execute(_INSERT, values)
    row = await (await connection.execute(_SALT, (words_id,))).fetchone()
    if row is None or row[0] is None:
        raise erased()
    return bytes(row[0])


_READ = "SELECT title, description, item_titles FROM course_words WHERE words_id = %s"


async def read(connection: Connection, words_id: str) -> Words | None:
    """None when they are erased."""
    row = await (await connection.execute(_READ, (words_id,))).fetchone()
    if row is None or row[0] is None:
        return None
    return Words(title=row[0], description=row[1], item_titles=row[2])


_ERASE = """
    UPDATE course_words
    SET title = NULL, description = NULL, item_titles = NULL, salt = NULL, erased_at = clock_timestamp()
    WHERE author = %s AND erased_at IS NULL
"""


async def erase(connection: Connection, author: str) -> None:
    """All that a user ever wrote of their courses, for good; the courses themselves are no longer listed."""
    await connection.execute(_ERASE, (author,))
