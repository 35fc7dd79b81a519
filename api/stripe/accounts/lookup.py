"""Reading Stripe's present state of connected accounts. Raises as `payments/lookup.py` does.

Raw, as there: the SDK's objects would be built only to be taken apart.
"""

from __future__ import annotations

from datetime import datetime
from urllib.parse import quote

import msgspec
import stripe
from stripe import StripeClient
from stripe.params import AccountListParams

from api.stripe.accounts.objects import StripeAccount
from api.stripe.failures import NO_ACCESS, code_of, is_missing
from api.stripe.objects import parse, parse_dict
from api.stripe.payments.lookup import PAGE, every, patiently


class Present(msgspec.Struct, frozen=True):
    """An account as it was when it was looked at; None when Stripe does not show it any more."""

    observed_at: datetime
    account: StripeAccount | None


def path_of(stripe_account_id: str) -> str:
    return f"/v1/accounts/{quote(stripe_account_id, safe='')}"


def is_gone(error: stripe.StripeError) -> bool:
    return has_no_access(error) or is_missing(error)


def has_no_access(error: stripe.StripeError) -> bool:
    """To the account that a call was for, whatever of it was asked for."""
    return isinstance(error, stripe.PermissionError) and code_of(error) == NO_ACCESS


async def present(client: StripeClient, stripe_account_id: str, now: datetime) -> Present:
    """`now` is when the request is sent."""
    path = path_of(stripe_account_id)
    try:
        answer = await patiently(lambda: client.raw_request_async("get", path))
    except stripe.StripeError as error:
        if is_gone(error):
            return Present(now, None)
        raise
    return Present(now, parse_dict(answer.data, StripeAccount))


async def find_account(
    client: StripeClient, account_id: str, *, since: datetime, until: datetime
) -> StripeAccount | None:
    """The account that carries our id, among all those created in the window."""
    params: AccountListParams = {
        "created": {"gte": int(since.timestamp()), "lte": int(until.timestamp())},
        "limit": PAGE,
    }
    page = await patiently(lambda: client.v1.accounts.list_async(params))
    async for item in every(page):
        account = parse(item, StripeAccount)
        if (account.metadata or {}).get("account_id") == account_id:
            return account
    return None
