"""What a connected account has at Stripe. Raises as `lookup.py` does, also for an account that is gone."""

from __future__ import annotations

from stripe import StripeClient

from api.stripe.accounts.objects import Balance
from api.stripe.objects import parse
from api.stripe.payments.lookup import patiently


async def available_minor(client: StripeClient, stripe_account_id: str, currency: str) -> int:
    """What of one currency (`usd`) is not on hold any more; below zero when the account owes it to Stripe, 0
    where it has none.
    """
    found = await _balance(client, stripe_account_id)
    return sum(one.amount for one in found.available if one.currency == currency)


async def currencies_held(client: StripeClient, stripe_account_id: str) -> tuple[str, ...]:
    """In which the account has a balance at Stripe, above zero or below, sorted."""
    found = await _balance(client, stripe_account_id)
    return tuple(sorted({one.currency for one in (*found.available, *found.pending) if one.amount}))


async def _balance(client: StripeClient, stripe_account_id: str) -> Balance:
    balance = await patiently(
        lambda: client.v1.balance.retrieve_async(options={"stripe_account": stripe_account_id})
    )
    return parse(balance, Balance)
