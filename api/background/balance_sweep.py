"""Compare all that moved Stripe's balance with the books, so that no money is there which they do not have.

Webhooks tell of most of it, and may be lost; of a fee, a reserve or an adjustment none tells. So what Stripe
lists is compared by id, page by page. How far it was is kept in a table: a ledger that was restored is as far
as its backup was, and one without the row compares everything.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from datetime import datetime, timedelta
from typing import Any, Protocol

import structlog
from psycopg import AsyncConnection
from stripe import StripeClient

from api.clock import Clock
from api.stripe.delivery import Postponed
from api.stripe.movements import lookup
from api.stripe.movements.objects import Movement
from api.stripe.sweeping import Accounted
from ledger.errors import Refused
from ledger.message import Origin

RECENT = timedelta(minutes=15)
"""What a run looks at beyond where the last one ended: Stripe's list may lag."""

LATE = timedelta(days=3)
"""What the first run of a process looks at, and one each day: what turns up late with an old date."""

GRACE = timedelta(hours=1)
"""How long what names this ledger is left to the facts that should post it."""

log = structlog.get_logger()

_ORIGIN = Origin(actor="worker", roles=frozenset({"system"}), causation_id="balance_swept")
_THROUGH = "SELECT swept_through FROM balance_sweeps"
_KEEP = """
    INSERT INTO balance_sweeps (swept_through)
    VALUES (%s)
    ON CONFLICT (singleton) DO UPDATE SET swept_through = excluded.swept_through
"""
_UNKNOWN = """
    SELECT id
    FROM unnest(%s::text[]) AS id
    WHERE NOT EXISTS (SELECT FROM entries WHERE source = id AND source <> '')
        AND NOT EXISTS (SELECT FROM unclaimed WHERE balance_transaction_id = id)
"""


class Accounting(Protocol):
    """`StripeGateway` does it."""

    async def account_for(self, movement: Movement, origin: Origin, *, overdue: bool) -> Accounted:
        """Raises Postponed when Stripe does not answer, and refusals."""
        ...


class BalanceSweep:
    """For the worker. Answers how many movements were recorded as nobody's."""

    def __init__(self, client: StripeClient, accounting: Accounting, clock: Clock) -> None:
        self._client, self._accounting, self._clock = client, accounting, clock
        self._looked_far: datetime | None = None
        self._waiting: dict[str, datetime] = {}
        """What an earlier run left to our own facts, and since when Stripe has it."""

    async def __call__(self, conn: AsyncConnection[Any]) -> int:
        """What was recorded until something failed stays; the next run begins where this one did."""
        now = self._clock.now()
        far = self._looked_far is None or now - self._looked_far >= timedelta(days=1)
        since = self._since(await _through(conn), LATE if far else RECENT)
        recorded, waiting = 0, dict[str, datetime]()
        async for movement in self._unknown(conn, since):
            if await self._account_for(movement, now):
                recorded += 1
            else:
                waiting[movement.id] = movement.created_at
        self._waiting = waiting
        if far:
            self._looked_far = now
        await conn.execute(_KEEP, (now,))
        if recorded:
            log.warning("movements_unclaimed", count=recorded)
        return recorded

    def _since(self, through: datetime | None, back: timedelta) -> datetime | None:
        return None if through is None else min([through - back, *self._waiting.values()])

    async def _unknown(self, conn: AsyncConnection[Any], since: datetime | None) -> AsyncIterator[Movement]:
        """The tables may lag the ledger: this only spares work, the rules decide."""
        async for page in lookup.movements(self._client, since=since):
            for movement in await _without_entry(conn, page):
                yield movement

    async def _account_for(self, movement: Movement, now: datetime) -> bool:
        """Overdue is what was left alone before, too: what a lost webhook told is recorded by then."""
        overdue = movement.id in self._waiting and now - movement.created_at >= GRACE
        try:
            return await self._accounting.account_for(movement, _ORIGIN, overdue=overdue) == "recorded"
        except (Postponed, Refused) as why:
            log.warning("movement_left", balance_transaction_id=movement.id, why=str(why))
            return False


async def _through(conn: AsyncConnection[Any]) -> datetime | None:
    row = await (await conn.execute(_THROUGH)).fetchone()
    return row[0] if row else None


async def _without_entry(conn: AsyncConnection[Any], page: Iterable[Movement]) -> list[Movement]:
    """What moves nothing, such as a fee of zero, needs none."""
    moving = {movement.id: movement for movement in page if movement.amount or movement.net}
    found = await (await conn.execute(_UNKNOWN, (list(moving),))).fetchall()
    return [moving[row[0]] for row in found]
