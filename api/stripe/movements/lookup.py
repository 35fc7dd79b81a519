"""Reading the movements of Stripe's balance. Raises as `payments/lookup.py` does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime

from stripe import StripeClient
from stripe.params import BalanceTransactionListParams, BalanceTransactionListParamsCreated

from api.stripe.movements.objects import Movement
from api.stripe.objects import parse
from api.stripe.payments.lookup import PAGE, every, patiently

_WITH_SOURCE = ["data.source"]


async def movements(
    client: StripeClient, *, since: datetime | None, until: datetime | None = None
) -> AsyncIterator[list[Movement]]:
    """All of them, newest first, page by page, so that memory is bounded however many there are."""
    params: BalanceTransactionListParams = {"limit": PAGE, "expand": _WITH_SOURCE}
    created: BalanceTransactionListParamsCreated = {}
    if since is not None:
        created["gte"] = int(since.timestamp())
    if until is not None:
        created["lte"] = int(until.timestamp())
    if created:
        params["created"] = created
    page: list[Movement] = []
    first = await patiently(lambda: client.v1.balance_transactions.list_async(params))
    async for item in every(first):
        page.append(parse(item, Movement))
        if len(page) == PAGE:
            yield page
            page = []
    if page:
        yield page


async def of_source(client: StripeClient, source_id: str) -> list[Movement]:
    """What a charge, a refund, a dispute or a top-up moved, oldest first."""
    page = await patiently(
        lambda: client.v1.balance_transactions.list_async(
            {"source": source_id, "limit": PAGE, "expand": _WITH_SOURCE}
        )
    )
    return [parse(item, Movement) async for item in every(page)][::-1]
