"""Stripe tells nobody when a charge's hold ends; the balance transaction says it in advance."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime

import structlog
from psycopg import AsyncConnection

from api.clock import Clock
from ledger.errors import Refused
from ledger.invoices.commands import RecordInvoiceFundsAvailable
from ledger.message import Origin
from ledger.payments.commands import RecordFundsAvailable
from ledger.store import Store
from projections.queries.due import FundsDue, funds_due

BATCH = 500

log = structlog.get_logger()

_DUE = """
    SELECT payment_id, available_at
    FROM payments
    WHERE NOT funds_available
        AND available_at <= %(now)s
        AND (available_at, payment_id) > (%(after)s, %(payment_id)s)
    ORDER BY available_at, payment_id
    LIMIT %(limit)s
"""
_ORIGIN = Origin(actor="worker", roles=frozenset({"system"}), causation_id="funds_available")


async def record_funds_available(conn: AsyncConnection, store: Store, clock: Clock) -> int:
    """Record each hold that is over, of payments and of invoices, dated by its end; answers how many.

    The tables may lag the ledger, so one can turn up twice; its command id makes that a repeat.
    """
    count = 0
    async for batch in _due(conn, clock.now()):
        count += sum(await asyncio.gather(*(_record(store, payment_id, at) for payment_id, at in batch)))
    after: FundsDue | None = None
    while due := await funds_due(conn, clock.now(), BATCH, after=after):
        count += sum(await asyncio.gather(*(_record_invoice(store, one) for one in due)))
        after = due[-1]
    return count


async def _due(conn: AsyncConnection, now: datetime) -> AsyncIterator[list[tuple[str, datetime]]]:
    after, last_id = datetime.min.replace(tzinfo=now.tzinfo), ""
    while True:
        cursor = await conn.execute(_DUE, {"now": now, "after": after, "payment_id": last_id, "limit": BATCH})
        batch = await cursor.fetchall()
        if not batch:
            return
        yield batch
        last_id, after = batch[-1]


async def _record(store: Store, payment_id: str, available_at: datetime) -> bool:
    command = RecordFundsAvailable(
        command_id=f"funds:{payment_id}", effective_at=available_at, payment_id=payment_id
    )
    return await _handle(store, command, payment_id)


async def _record_invoice(store: Store, due: FundsDue) -> bool:
    command = RecordInvoiceFundsAvailable(
        command_id=f"funds:{due.due_id}",
        effective_at=due.available_at,
        stripe_invoice_id=due.stripe_invoice_id,
        charge_id=due.charge_id,
    )
    return await _handle(store, command, due.stripe_invoice_id)


async def _handle(
    store: Store, command: RecordFundsAvailable | RecordInvoiceFundsAvailable, subject: str
) -> bool:
    try:
        outcome = await store.handle(command, _ORIGIN)
    except Refused as refusal:
        log.warning("funds_not_recorded", subject=subject, code=refusal.code, detail=refusal.detail)
        return False
    return bool(outcome.recorded) and not outcome.repeated
