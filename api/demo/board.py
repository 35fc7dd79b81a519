"""Who leads the board of all, for the welcome: five below each other, twice."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

from psycopg import AsyncConnection

from api.leaderboards.resources import Ranked
from api.leaderboards.top import top
from api.settings import Settings
from ledger.store import APPLICATION, conninfo
from ledger.windows import ALL_TIME

TOP, HALF = 10, 5
WIDTH = 20


async def top_ten(settings: Settings) -> list[Ranked]:
    dsn = conninfo(settings.database_url, schema=settings.schema, role=APPLICATION, name="demo")
    async with await AsyncConnection.connect(dsn, autocommit=True) as connection:
        return await top(connection, ALL_TIME, TOP)


def drawn(leading: Sequence[Ranked]) -> str:
    halves = zip_longest(leading[:HALF], leading[HALF:])
    return "\n".join("".join(_place(one) for one in line if one is not None).rstrip() for line in halves)


def _place(one: Ranked) -> str:
    """A name may be as long as somebody likes."""
    return f"  {one.rank:>3}  {(one.name or one.user_id)[:WIDTH]:{WIDTH}} {one.score:>6,}  "
