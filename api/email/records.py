"""What became of each mail. It may be with a server at most twice: once more after it is not known whether
the first one took it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal

import msgspec

from api.reads import ReadPool

MOST_HANDED: Final = 2
State = Literal["waiting", "handed", "sent", "uncertain", "refused", "bounced", "left_out"]
OVER: Final = frozenset({"sent", "bounced", "left_out"})


class Record(msgspec.Struct, frozen=True):
    state: State
    handed: int
    first_at: datetime


_BEGIN: Final = """
    INSERT INTO mails (mail_id, occasion, position, state, first_at)
    VALUES (%s, %s, %s, 'waiting', %s)
    ON CONFLICT (mail_id) DO UPDATE
    SET mail_id = excluded.mail_id
    RETURNING state, handed, first_at
"""
_HAND: Final = """
    UPDATE mails
    SET state = 'handed', handed = handed + 1, updated_at = clock_timestamp()
    WHERE mail_id = %s AND handed = %s
"""
_SETTLE: Final = """
    UPDATE mails
    SET state = %s, reason = %s, handed = %s, updated_at = clock_timestamp()
    WHERE mail_id = %s
"""


UNSETTLED: Final[tuple[State, ...]] = ("handed", "uncertain", "refused")
"""Of these somebody should know; what waits is in the outbox."""
_UNSETTLED: Final = """
    SELECT state, count(*)
    FROM mails
    WHERE state IN ('handed', 'uncertain', 'refused')
    GROUP BY state
"""


async def unsettled(reads: ReadPool) -> dict[str, int]:
    """How many, by state; each of `UNSETTLED` has a number."""
    async with reads.connection() as connection:
        found = await (await connection.execute(_UNSETTLED)).fetchall()
    return {**dict.fromkeys(UNSETTLED, 0), **dict(found)}


class Records:
    def __init__(self, reads: ReadPool) -> None:
        self._pool = reads

    async def begun(self, mail_id: str, occasion: str, position: int, at: datetime) -> Record:
        async with self._pool.connection() as connection:
            row = await (await connection.execute(_BEGIN, (mail_id, occasion, position, at))).fetchone()
        assert row is not None, "it was written"
        return Record(*row)

    async def hand(self, mail_id: str, before: int) -> bool:
        """Kept before anything leaves, so that a crash is not taken for nothing. False when another did."""
        async with self._pool.connection() as connection:
            return (await connection.execute(_HAND, (mail_id, before))).rowcount == 1

    async def settle(self, mail_id: str, state: State, *, reason: str = "", handed: int) -> None:
        async with self._pool.connection() as connection:
            await connection.execute(_SETTLE, (state, reason, handed, mail_id))
