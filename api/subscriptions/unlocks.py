"""Until when a user has a feature that tokens unlocked, as far as it is projected."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from ledger.store.batched_queries import BatchedQuery, Connection

_FIND: Final = """
    SELECT user_id, feature, max(ends_at)
    FROM redemptions
    WHERE user_id = ANY(%s) AND feature <> '' AND status = 'fulfilled'
    GROUP BY user_id, feature
"""


async def _find(connection: Connection, asked: Sequence[tuple[str, str]]) -> list[datetime | None]:
    found = await (await connection.execute(_FIND, ([user_id for user_id, _ in asked],))).fetchall()
    ends = {(user_id, feature): ends_at for user_id, feature, ends_at in found}
    return [ends.get(one) for one in asked]


UNLOCKED_UNTIL: BatchedQuery[tuple[str, str], datetime | None] = BatchedQuery(_find)
"""By user and feature; None for what never was, or is given back."""
