"""What is still paid of the time to come of a subscription, by its invoices as the ledger has them."""

from __future__ import annotations

import asyncio
from datetime import datetime

from msgspec.structs import replace

from api.http.problems import StripeUnavailable
from api.services import Services
from api.stripe.gateway import Postponed
from ledger.invoices.decider import INVOICE
from ledger.invoices.stream import stream_of
from ledger.subscriptions import state
from ledger.subscriptions.changes import time_left, waiting_taker
from ledger.subscriptions.worth import PaidTime, is_dearer, what_is_paid

_WITH_TIME_LEFT = """
    SELECT stripe_invoice_id
    FROM invoices
    WHERE user_id = %s
        AND subscription_id = %s
        AND period_end > %s
    ORDER BY position DESC
"""


async def still_paid(services: Services, user_id: str, row: state.Subscription, at: datetime) -> PaidTime:
    """Of the time after `at`, or of the present period when that has just begun. Raises `StripeUnavailable`
    where only Stripe can tell, and does not answer.
    """
    # an invoice that the tables have not seen would count for nothing, and its time be charged twice
    await services.positions.catch_up()
    at = max(at, row.period_start or at)
    async with services.reads.connection() as connection:
        asked = await connection.execute(_WITH_TIME_LEFT, (user_id, row.subscription_id, at))
        ids = [invoice_id for (invoice_id,) in await asked.fetchall()]
    invoices = await asyncio.gather(*(services.store.state(INVOICE, stream_of(one)) for one in ids))
    paid = what_is_paid(invoices, at, waiting_taker(row))
    if not is_dearer(time_left(row, at), paid):
        return paid
    # what was changed in Stripe's dashboard may wait there for the very invoice of the change
    try:
        return replace(paid, waits=await services.gateway.waiting_minor(row.stripe_subscription_id, at))
    except Postponed:
        raise StripeUnavailable(
            "Stripe does not answer. Nothing was changed; try again in a moment."
        ) from None
