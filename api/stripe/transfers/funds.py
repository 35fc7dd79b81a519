"""What the platform itself has at Stripe. Raises as `payments/lookup.py` does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from stripe import StripeClient

from api.stripe.accounts.objects import Balance
from api.stripe.objects import parse
from api.stripe.payments.lookup import patiently


async def available(client: StripeClient) -> Mapping[str, int]:
    """What can be transferred now, in minor units by currency; 0 for one that is not in it."""
    found = parse(await patiently(client.v1.balance.retrieve_async), Balance)
    sums = Counter[str]()
    for one in found.available:
        sums[one.currency] += one.amount
    return sums
