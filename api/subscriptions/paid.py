"""What is still paid of the time to come of a subscription, by its invoices as the ledger has them."""

from __future__ import annotations

import asyncio
from datetime import datetime

from api.services import Services
from ledger.invoices.decider import INVOICE
from ledger.invoices.stream import stream_of
from ledger.subscriptions import state
from ledger.subscriptions.changes import waiting_taker
from ledger.subscriptions.worth import PaidTime, what_is_paid

_WITH_TIME_LEFT = """
    SELECT stripe_invoice_id
    FROM invoices
    WHERE user_id = %s
        AND subscription_id = %s
        AND period_end > %s
    ORDER BY position DESC
"""


async def still_paid(services: Services, user_id: str, row: state.Subscription, at: datetime) -> PaidTime:
    """Of the time after `at`, or of the present period when that has just begun."""
    # an invoice that the tables have not seen would count for nothing, and its time be charged twice
    await services.positions.catch_up()
    at = max(at, row.period_start or at)
    async with services.reads.connection() as connection:
        asked = await connection.execute(_WITH_TIME_LEFT, (user_id, row.subscription_id, at))
        ids = [invoice_id for (invoice_id,) in await asked.fetchall()]
    invoices = await asyncio.gather(*(services.store.state(INVOICE, stream_of(one)) for one in ids))
    return what_is_paid(invoices, at, waiting_taker(row))
