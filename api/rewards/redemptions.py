"""Redemptions in the tables: one by its id, and all of them by who looks after them."""

from __future__ import annotations

from contextlib import suppress

from api.http.problems import PositionNotReached
from api.reads import rows, select
from api.services import Services
from api.submitting import Submitted
from ledger.errors import NotFound
from ledger.store.batched_queries import Connection
from projections.redemptions import REDEMPTIONS, RedemptionRow

_ONE = select("SELECT {columns} FROM {table} WHERE redemption_id = %s", REDEMPTIONS)
ALL = select(
    """
    SELECT {columns}
    FROM {table}
    WHERE (%(user_id)s::text IS NULL OR user_id = %(user_id)s)
        AND (%(status)s::text IS NULL OR status = %(status)s)
    ORDER BY position DESC
    LIMIT %(limit)s
    """,
    REDEMPTIONS,
)


async def redemption_at(connection: Connection, redemption_id: str) -> RedemptionRow | None:
    found = await rows(connection, _ONE, REDEMPTIONS, (redemption_id,))
    return found[0] if found else None


def no_redemption(redemption_id: str) -> NotFound:
    return NotFound(f"There is no redemption {redemption_id!r:.80}.")


async def seen(services: Services, done: Submitted) -> None:
    """Until what is unlocked can be used, or no more, as whoever has the answer goes there next."""
    with suppress(PositionNotReached):
        await services.positions.wait(done.position)
