"""The first ones of the board of all, for who looks after it: nobody is left out but who wants to be."""

from __future__ import annotations

from api.leaderboards import reads
from api.leaderboards.places import FIRST
from api.leaderboards.resources import Ranked, ranked
from api.reads import SNAPSHOT
from ledger.store.batched_queries import Connection
from ledger.windows import Window

NOBODY = ""


async def top(connection: Connection, window: Window, limit: int) -> list[Ranked]:
    """`connection` commits each statement."""
    await connection.execute(SNAPSHOT)
    asked = await connection.execute(reads.BELOW, reads.arguments(window.name, NOBODY, FIRST, limit))
    places = await reads.places(asked)
    ranks, _ = await reads.ranks_of(connection, window.name, places, None)
    await connection.execute("COMMIT")
    return [ranked(place, ranks[place.score]) for place in places]
