"""Each night what is not settled is compared with Stripe: insurance for events that never came and that no
other one makes up for.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from psycopg import AsyncConnection
from stripe import StripeClient

from api.clock import Clock
from api.stripe.delivery import Tools
from api.stripe.sweep.comparing import Pace
from api.stripe.sweep.run import PER_SECOND, Sweep, begin, carry_on
from ledger.store import Store

HOUR = 2
"""UTC, when it begins; one that the night missed is made up for later in the day."""
LATELY = timedelta(days=3)
"""What was made in so many days is compared whether it is open here or not."""
LONGEST = timedelta(days=30)
"""The same, at most, when no sweep has run for long: as far as Stripe's events go back."""

_LOCK = "SELECT pg_try_advisory_lock(hashtextextended('liberation sweep ' || current_schema(), 0))"
_UNLOCK = "SELECT pg_advisory_unlock(hashtextextended('liberation sweep ' || current_schema(), 0))"
_LAST = "SELECT max(started_at) FROM stripe_sweeps WHERE finished_at IS NOT NULL"
_NIGHTS = """
    SELECT count(*), coalesce(bool_or(sweep_id = %s AND finished_at IS NOT NULL), false)
    FROM stripe_sweeps
"""


@asynccontextmanager
async def alone(conn: AsyncConnection[Any]) -> AsyncIterator[bool]:
    """Whether no other process sweeps. The lock ends with its connection, so with a killed process, too."""
    row = await (await conn.execute(_LOCK)).fetchone()
    held = bool(row and row[0])
    try:
        yield held
    finally:
        if held:
            with suppress(psycopg.OperationalError):  # the connection is gone, and the lock with it
                await conn.execute(_UNLOCK)


async def since(conn: AsyncConnection[Any], now: datetime) -> datetime:
    """From when on all is compared: what the sweeps before may not have seen."""
    row = await (await conn.execute(_LAST)).fetchone()
    last = row[0] if row else None
    wanted = min(now - LATELY, last - timedelta(days=1)) if last else now - LATELY
    return max(wanted, now - LONGEST)


async def sweep_now(conn: AsyncConnection[Any], tools: Tools, sweep_id: str, cause: str) -> Sweep:
    """Begun, or gone on with. Raises what a call to Stripe raises."""
    sweep = await begin(conn, sweep_id, cause, await since(conn, tools.clock.now()))
    return await carry_on(tools, conn, sweep, Pace(PER_SECOND))


class NightlySweep:
    """For the worker: once for each date, whichever process comes first. Answers what it found."""

    def __init__(self, client: StripeClient, store: Store, clock: Clock) -> None:
        self._tools = Tools(store, client, clock)

    async def __call__(self, conn: AsyncConnection[Any]) -> int:
        night = await self._due(conn)
        if not night:
            return 0
        async with alone(conn) as held:
            if not held or not await self._due(conn):
                return 0
            return (await sweep_now(conn, self._tools, night, "night")).found

    async def _due(self, conn: AsyncConnection[Any]) -> str:
        """Its id, which is the date; empty when it is done. The first one of a ledger waits for its night."""
        now = self._tools.clock.now().astimezone(UTC)
        night = f"{(now - timedelta(hours=HOUR)).date()}"
        row = await (await conn.execute(_NIGHTS, (night,))).fetchone()
        assert row is not None, "an aggregate has one row"
        known, done = row
        return "" if done or not (known or now.hour == HOUR) else night
