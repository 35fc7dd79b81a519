"""In which zone somebody's days begin: kept with their contact data, where it can be erased."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

from ledger.store.batched_queries import BatchedQuery, Connection, QueryBatcher

_FIND: Final = "SELECT user_id, time_zone FROM contacts WHERE user_id = ANY(%s)"


async def zones_of(connection: Connection, user_ids: Sequence[str]) -> list[str]:
    """UTC where nobody said one."""
    found = await (await connection.execute(_FIND, (list(user_ids),))).fetchall()
    zones = dict[str, str](found)
    return [zones.get(user_id, "UTC") for user_id in user_ids]


ZONE_OF: BatchedQuery[str, str] = BatchedQuery(zones_of)
"""By the user's id."""


class ContactZones:
    """`Zones` of the gateway."""

    def __init__(self, batcher: QueryBatcher) -> None:
        self._batcher = batcher

    @classmethod
    @asynccontextmanager
    async def open(cls, dsn: str) -> AsyncIterator[ContactZones]:
        async with QueryBatcher(dsn) as batcher:
            yield cls(batcher)

    async def zone_of(self, user_id: str) -> str:
        return await self._batcher.ask(ZONE_OF, user_id)
