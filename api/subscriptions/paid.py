"""What is still paid of the time to come of a subscription, by its invoices as the ledger has them."""

from __future__ import annotations

import asyncio
from datetime import datetime

from api.services import Services
from ledger.invoices.decider import INVOICE
from ledger.invoices.remainder import taker_of
from ledger.invoices.stream import stream_of
from ledger.subscriptions import state
from ledger.subscriptions.worth import PaidTime, TakenTime, allot, paid_time

_WITH_TIME_LEFT = """
    SELECT stripe_invoice_id
    FROM invoices
    WHERE user_id = %s
        AND subscription_id = %s
        AND status = 'paid'
        AND period_end > %s
"""


async def still_paid(
    services: Services, user_id: str, row: state.Subscription, at: datetime
) -> tuple[PaidTime, tuple[TakenTime, ...]]:
    """Of the time after `at`, and of which invoices a change takes it."""
    # an invoice that the tables have not seen would count for nothing, and its time be charged twice
    await services.positions.catch_up()
    async with services.reads.connection() as connection:
        asked = await connection.execute(_WITH_TIME_LEFT, (user_id, row.subscription_id, at))
        ids = [invoice_id for (invoice_id,) in await asked.fetchall()]
    invoices = await asyncio.gather(*(services.store.state(INVOICE, stream_of(one)) for one in ids))
    paid = paid_time(invoices, at)
    return paid, allot(paid.minor, invoices, at, taker_of(int(at.timestamp())))
