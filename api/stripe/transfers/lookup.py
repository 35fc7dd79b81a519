"""Reading Stripe's present state of transfers. Raises as `payments/lookup.py` does."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import quote

from stripe import StripeClient

from api.stripe.objects import parse, parse_dict
from api.stripe.payments.lookup import PAGE, every, patiently
from api.stripe.transfers.objects import Reversal, Transfer

WITH_ENTRY = ["balance_transaction"]
_EACH_WITH_ENTRY = ["data.balance_transaction"]


async def transfer(client: StripeClient, transfer_id: str) -> Transfer:
    path = f"/v1/transfers/{quote(transfer_id, safe='')}"
    answer = await patiently(lambda: client.raw_request_async("get", path, expand=WITH_ENTRY))
    return parse_dict(answer.data, Transfer)


async def of_payout(client: StripeClient, payout_id: str) -> list[Transfer]:
    """All attempts at a payout that Stripe made: its id is their group. The list is short and complete."""
    page = await patiently(
        lambda: client.v1.transfers.list_async(
            {"transfer_group": payout_id, "limit": PAGE, "expand": _EACH_WITH_ENTRY}
        )
    )
    return [parse(item, Transfer) async for item in every(page)]


async def into_account(client: StripeClient, stripe_account_id: str, since: datetime) -> list[Transfer]:
    """Oldest first."""
    page = await patiently(
        lambda: client.v1.transfers.list_async(
            {
                "destination": stripe_account_id,
                "created": {"gte": int(since.timestamp())},
                "limit": PAGE,
                "expand": _EACH_WITH_ENTRY,
            }
        )
    )
    found = [parse(item, Transfer) async for item in every(page)]
    return sorted(found, key=lambda one: (one.created, one.id))


async def reversals(client: StripeClient, transfer_id: str) -> list[Reversal]:
    """Oldest first."""
    page = await patiently(
        lambda: client.v1.transfers.reversals.list_async(
            transfer_id, {"limit": PAGE, "expand": _EACH_WITH_ENTRY}
        )
    )
    found = [parse(item, Reversal) async for item in every(page)]
    return sorted(found, key=lambda one: (one.created, one.id))


async def find_reversal(client: StripeClient, transfer_id: str, recall_id: str) -> Reversal | None:
    """The reversal that carries our id."""
    for reversal in await reversals(client, transfer_id):
        if (reversal.metadata or {}).get("recall_id") == recall_id:
            return reversal
    return None
