"""What was used beyond soft limits, invoiced when its month is closed. Any number of workers do this once."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta

from psycopg import AsyncConnection

from api.clock import Clock
from ledger.errors import Refused
from ledger.licences.commands import InvoiceOverage, Usage
from ledger.message import Origin
from ledger.store import Store
from ledger.usage.metrics import month_of, open_months, span_of
from projections.queries.usage import Beyond, usage_beyond

AT_ONCE = 500
MONTHS = 3
"""Closed ones that are looked at, the newest first: so long a worker may have been away."""
WORKER = Origin(actor="worker", roles=frozenset({"system"}))


async def invoice_usage(conn: AsyncConnection, store: Store, clock: Clock) -> int:
    """How many invoices were written."""
    now, done = clock.now(), 0
    for month in closed_months(now):
        first, _ = span_of(month)
        after = ""
        while found := await usage_beyond(conn, month, first, AT_ONCE, after=after):
            for one in found:
                done += await _invoiced(store, one, first, now)
            after = found[-1].licence_id
    return done


def closed_months(now: datetime) -> list[str]:
    """Those of which nothing more is taken."""
    found: list[str] = []
    first, _ = span_of(open_months(now)[-1])
    while len(found) < MONTHS:
        first, _ = span_of(month_of(first - timedelta(days=1)))
        found.append(month_of(first))
    return found


async def _invoiced(store: Store, beyond: Beyond, first: datetime, now: datetime) -> bool:
    """By the month's largest limits, which may be higher than when it was used: then it costs nothing."""
    command = InvoiceOverage(
        command_id=f"licence_overage:{beyond.licence_id}:{month_of(first)}",
        effective_at=now,
        licence_id=beyond.licence_id,
        month=first.date(),
        usage=tuple(
            Usage(metric=metric, used=used) for metric, used in zip(beyond.metrics, beyond.used, strict=True)
        ),
    )
    with suppress(Refused):  # the tables did not know of the invoice yet
        outcome = await store.handle(command, WORKER)
        return bool(outcome.recorded) and not outcome.repeated
    return False
