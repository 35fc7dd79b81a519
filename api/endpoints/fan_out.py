"""Which event goes to which endpoint: public events in the order of positions, with a position of its own.

Rows and position move in one transaction, so that what is cut off is done again, and nothing twice. An
endpoint is told what comes after it was made, while it is enabled; what it missed can be redelivered.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from psycopg import AsyncConnection

from projections.endpoints import Endpoints
from projections.public_events import PublicEvents

BATCH = 2_000
"""Positions at once."""

_CLUSTER: Final = """
    SELECT concat_ws('.', (SELECT system_identifier FROM pg_control_system()),
        left(pg_walfile_name(pg_current_wal_insert_lsn()), 8), d.oid)
    FROM pg_database AS d
    WHERE d.datname = current_database()
"""
"""By server, timeline and database: a copy that was restored differs in one of them."""
_BEGIN: Final = "INSERT INTO fan_out (position, cluster) VALUES (0, %s) ON CONFLICT DO NOTHING"
_MINE: Final = "SELECT position, cluster, uncertain_until FROM fan_out FOR UPDATE SKIP LOCKED"
_SEEN: Final = "SELECT min(notification_id) FROM positions WHERE application_name = ANY(%s)"
_HEAD: Final = "SELECT position FROM head"
_RESTORED: Final = "UPDATE fan_out SET cluster = %s, uncertain_until = %s"
_UNCERTAIN: Final = "UPDATE deliveries SET state = 'uncertain', lease_until = NULL WHERE state = 'pending'"
_GIVE: Final = """
    WITH given AS (
        INSERT INTO deliveries (endpoint_id, position, state, due_at, created_at)
        SELECT t.endpoint_id, e.position,
            CASE WHEN e.position <= %(uncertain_until)s THEN 'uncertain' ELSE 'pending' END,
            %(now)s, %(now)s
        FROM public_events AS e
        JOIN endpoints AS t ON t.deleted_at IS NULL
            AND t.disabled = ''
            AND t.position < e.position
            AND (t.org_id = '' OR t.org_id = e.org_id)
            AND (t.types = '{}' OR e.type = ANY(t.types))
        WHERE e.position > %(after)s AND e.position <= %(upto)s
        ON CONFLICT DO NOTHING
        RETURNING endpoint_id
    )
    INSERT INTO delivery_queues (endpoint_id)
    SELECT DISTINCT endpoint_id FROM given
    ON CONFLICT DO NOTHING
"""
_MOVE: Final = "UPDATE fan_out SET position = %s"


async def fan_out(connection: AsyncConnection, now: datetime) -> bool:
    """One batch. True when there may be more; False too where another process is at it."""
    async with connection.transaction():
        cluster = await _one(connection, _CLUSTER)
        await connection.execute(_BEGIN, (cluster,))
        mine = await (await connection.execute(_MINE)).fetchone()
        if mine is None:
            return False
        position, known, uncertain_until = mine
        if known != cluster:
            uncertain_until = await _one(connection, _HEAD)
            await connection.execute(_RESTORED, (cluster, uncertain_until))
            await connection.execute(_UNCERTAIN)
        seen = await _one(connection, _SEEN, ([PublicEvents.NAME, Endpoints.NAME],)) or 0
        upto = min(seen, position + BATCH)
        if upto <= position:
            return False
        await connection.execute(
            _GIVE, {"after": position, "upto": upto, "now": now, "uncertain_until": uncertain_until}
        )
        await connection.execute(_MOVE, (upto,))
        return bool(upto < seen)


async def _one(connection: AsyncConnection, query: Any, arguments: tuple[Any, ...] = ()) -> Any:
    found = await (await connection.execute(query, arguments)).fetchone()
    return found[0] if found else None
