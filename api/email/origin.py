"""Whether this is the database that mail was sent from so far.

One that was restored from a backup lacks what has left since, and what is taken up again from Stripe would be
told of a second time. So mail waits, parked, until somebody has looked at it: `liberation email resume`.
"""

from __future__ import annotations

from typing import Final

from ledger.store.batched_queries import Connection

_FIRST: Final = """
    INSERT INTO mail_origin (identity)
    SELECT mail_identity()
    ON CONFLICT (one) DO NOTHING
"""
_IS_SAME: Final = "SELECT identity = mail_identity() FROM mail_origin"
_RESUME: Final = """
    INSERT INTO mail_origin (identity)
    SELECT mail_identity()
    ON CONFLICT (one) DO UPDATE
    SET identity = excluded.identity
"""


async def state_first(connection: Connection) -> None:
    """As the service starts, before any mail."""
    await connection.execute(_FIRST)


async def is_same(connection: Connection) -> bool:
    row = await (await connection.execute(_IS_SAME)).fetchone()
    return bool(row and row[0])


async def resume(connection: Connection) -> None:
    """From now on mail is sent from here."""
    await connection.execute(_RESUME)
