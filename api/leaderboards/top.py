"""The first ones of the board of all, for who looks after it: nobody is left out but who wants to be."""

from __future__ import annotations

from api.leaderboards import reads
from api.leaderboards.places import FIRST
from api.leaderboards.resources import Ranked, ranked
from ledger.store.batched_queries import Connection
from ledger.windows import Window

NOBODY = ""


async def top(connection: Connection, window: Window, limit: int) -> list[Ranked]:
    asked = reads.arguments(window.name, NOBODY, FIRST, limit)
    board = await reads.ask(connection, reads.BEHIND, asked)
    return [ranked(place, board.ranks[place.score]) for place in board.places[:limit]]
