"""Until when floating seats are held: rows that heartbeats move on, and no facts.

A lease that is named as lapsed in a claim is closed first, in the one statement that finds it over, so that
no heartbeat revives it meanwhile, whatever the clocks of two processes say. A late heartbeat claims anew.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from ledger.store.batched_queries import Connection

SALT_BYTES = 16
AT_ONCE = 100
"""So many lapsed seats are freed by one claim; the next frees more."""

_SALT: Final = """
    WITH made AS (
        INSERT INTO seat_salts (licence_id, salt)
        VALUES (%(licence_id)s, %(salt)s)
        ON CONFLICT (licence_id) DO NOTHING
        RETURNING salt
    )
    SELECT salt FROM made
    UNION ALL
    SELECT salt FROM seat_salts WHERE licence_id = %(licence_id)s
    LIMIT 1
"""
_BEGIN: Final = """
    INSERT INTO seat_leases (seat_id, licence_id, until)
    VALUES (%s, %s, %s)
"""
_BEAT: Final = """
    UPDATE seat_leases
    SET until = greatest(until, %(until)s)
    WHERE seat_id = %(seat_id)s AND NOT closed AND until > %(now)s
    RETURNING until
"""
_CLOSE: Final = """
    UPDATE seat_leases
    SET closed = true
    WHERE seat_id IN (
        SELECT seat_id
        FROM seat_leases
        WHERE licence_id = %(licence_id)s AND until <= %(now)s
        ORDER BY until, seat_id
        LIMIT %(limit)s
        FOR UPDATE
    )
    RETURNING seat_id
"""
_END: Final = "DELETE FROM seat_leases WHERE seat_id = ANY(%s)"


async def device_of(connection: Connection, licence_id: str, fingerprint: str) -> str:
    """Hex SHA-256 of the licence's salt and the fingerprint. Of two who begin at once one gives the salt."""
    asked = {"licence_id": licence_id, "salt": secrets.token_bytes(SALT_BYTES)}
    row = None
    while row is None:  # a salt that is being written is seen the next time
        row = await (await connection.execute(_SALT, asked)).fetchone()
    return sha256(bytes(row[0]) + fingerprint.encode()).hexdigest()


async def begin(connection: Connection, seat_id: str, licence_id: str, until: datetime) -> None:
    """Before the seat is claimed: one that is held always has a lease, and one that is not is of nobody."""
    await connection.execute(_BEGIN, (seat_id, licence_id, until))


async def beat(connection: Connection, seat_id: str, now: datetime, lease: timedelta) -> datetime | None:
    """Until when it is held now; None when it was too late."""
    asked = {"seat_id": seat_id, "now": now, "until": now + lease}
    row = await (await connection.execute(_BEAT, asked)).fetchone()
    return row[0] if row else None


async def close(connection: Connection, licence_id: str, now: datetime) -> list[str]:
    """Ids of seats whose leases are over, the longest first; none of them comes back."""
    asked = {"licence_id": licence_id, "now": now, "limit": AT_ONCE}
    found = await (await connection.execute(_CLOSE, asked)).fetchall()
    return [seat_id for (seat_id,) in found]


async def end(connection: Connection, seat_ids: Iterable[str]) -> None:
    await connection.execute(_END, (list(seat_ids),))
