"""Public events after a position, as far as they are projected: nothing comes in between later."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from api.reads import rows, select
from ledger.store.batched_queries import Connection
from projections.public_events import PUBLIC_EVENTS, PublicEventRow, PublicEvents

_SEEN: Final = "SELECT notification_id FROM positions WHERE application_name = %s"
_AFTER = select(
    """
    SELECT {columns}
    FROM {table}
    WHERE position > %(after)s
        AND position <= %(seen)s
        AND (%(types)s::text[] IS NULL OR type = ANY(%(types)s))
        AND (%(orgs)s::text[] IS NULL OR org_id = ANY(%(orgs)s))
    ORDER BY position
    LIMIT %(limit)s
    """,
    PUBLIC_EVENTS,
)


async def events_after(
    connection: Connection, after: int, limit: int, *, types: Sequence[str] | None, orgs: Sequence[str] | None
) -> tuple[list[PublicEventRow], int]:
    """At most `limit`, and the position up to which there is none other. None is any type, or everybody's."""
    seen = await _seen(connection)
    found = await rows(
        connection,
        _AFTER,
        PUBLIC_EVENTS,
        {
            "after": after,
            "seen": seen,
            "types": None if types is None else list(types),
            "orgs": None if orgs is None else list(orgs),
            "limit": limit,
        },
    )
    return found, found[-1].position if len(found) == limit else max(after, seen)


async def _seen(connection: Connection) -> int:
    """Rows move with the position, so all that is at or before it is there, in any later snapshot."""
    found: Any = await (await connection.execute(_SEEN, (PublicEvents.NAME,))).fetchone()
    return int(found[0]) if found else 0
