"""What people wrote, in tables beside the facts: written before the command, and erasable.

The fact has a salted hash alone, which tells nothing once the words and the salt are erased.
"""

from __future__ import annotations

import secrets
from hashlib import sha256
from typing import Any

import msgspec
from psycopg.sql import SQL, Identifier

from ledger.errors import NotFound
from ledger.store.batched_queries import Connection

SALT_BYTES = 16
_canonical = msgspec.json.Encoder(order="deterministic").encode


def salted(salt: bytes, content: Any) -> str:
    """Hex SHA-256 of the salt and the content's canonical JSON."""
    return sha256(salt + _canonical(content)).hexdigest()


class ErasableWords:
    """A table of words by `words_id`: in `columns`, by an author, of the thing that the column `of` names."""

    def __init__(self, table: str, *, of: str, columns: tuple[str, ...]) -> None:
        self._columns = columns
        names = SQL(", ").join(map(Identifier, columns))
        nothing = SQL(", ").join(SQL("{} = NULL").format(Identifier(column)) for column in columns)
        named = {"table": Identifier(table), "of": Identifier(of), "names": names, "nothing": nothing}
        places = SQL(", ").join([SQL("%s")] * (4 + len(columns)))
        self._insert = SQL(
            "INSERT INTO {table} (words_id, {of}, author, salt, {names}) VALUES ({places})"
            " ON CONFLICT (words_id) DO NOTHING"
        ).format(places=places, **named)
        self._salt = SQL("SELECT salt FROM {table} WHERE words_id = %s").format(**named)
        self._read = SQL("SELECT {names} FROM {table} WHERE words_id = %s AND salt IS NOT NULL").format(
            **named
        )
        self._erase = SQL(
            "UPDATE {table} SET {nothing}, salt = NULL, erased_at = clock_timestamp()"
            " WHERE author = %s AND erased_at IS NULL"
        ).format(**named)

    async def write(self, connection: Connection, words_id: str, of: str, author: str, *words: Any) -> str:
        """The salted hash: of one column's content as it is, of several by their names. A repeat has the salt
        of the first time. Raises `NotFound` when it was erased since.
        """
        salt = secrets.token_bytes(SALT_BYTES)
        await connection.execute(self._insert, (words_id, of, author, salt, *words))
        row = await (await connection.execute(self._salt, (words_id,))).fetchone()
        if row is None or row[0] is None:
            raise erased()
        content = words[0] if len(words) == 1 else dict(zip(self._columns, words, strict=True))
        return salted(bytes(row[0]), content)

    async def read(self, connection: Connection, words_id: str) -> tuple[Any, ...] | None:
        """By column. None when they are erased, or nothing was written."""
        return await (await connection.execute(self._read, (words_id,))).fetchone()

    async def erase(self, connection: Connection, author: str) -> None:
        """All that a user ever wrote there, for good."""
        await connection.execute(self._erase, (author,))


def erased() -> NotFound:
    """What a repeat is told when its words are gone."""
    return NotFound("What was written there is erased; write it anew with a new Idempotency-Key.")
