"""Whether a transfer may go into a user's connected account: what the ledger knows of it, and what Stripe
says of its balance.
"""

from __future__ import annotations

from datetime import timedelta

import stripe

from api.stripe.accounts import balance, lookup
from api.stripe.accounts.record import account_of, look_and_record
from api.stripe.delivery import Tools, age, recorder
from api.stripe.transfers import forgotten
from ledger import money
from ledger.accounts.payable import can_be_paid
from ledger.accounts.state import Account
from ledger.earnings.refusals import AccountBelowZero, AccountNotPayable
from ledger.message import Origin

LOOK_AGAIN_AFTER = timedelta(days=1)
"""An account that cannot be paid is looked at so often at most, should the webhook be lost that says that it
can.
"""


async def account_to_pay(tools: Tools, user_id: str, currency: str, origin: Origin) -> str:
    """The connected account's id at Stripe. Raises `AccountNotPayable` and `AccountBelowZero`, and what a
    call to Stripe raises.
    """
    account = await _account(tools, user_id, origin)
    at_stripe = _checked(account)
    try:
        available = await balance.available_minor(tools.stripe, at_stripe, currency)
    except stripe.StripeError as error:
        if not lookup.is_gone(error):
            raise
        await look_and_record(tools, user_id, account, recorder(origin, at_stripe))
        at_stripe = _checked(await account_of(tools, user_id))
        raise AccountNotPayable("Stripe does not show the connected account just now.") from error
    if available < 0:
        owed = money.format_minor(-available, currency)
        raise AccountBelowZero(
            f"The connected account is {owed} below zero at Stripe: a transfer would go to that."
        )
    return at_stripe


async def account_before_payout(tools: Tools, user_id: str, currency: str, origin: Origin) -> str:
    """The same before anything is reserved. What a restored ledger has forgotten of what went there is taken
    up, lest it be paid again.
    """
    at_stripe = await account_to_pay(tools, user_id, currency, origin)
    await forgotten.take_up(tools, user_id, at_stripe, origin)
    return at_stripe


async def _account(tools: Tools, user_id: str, origin: Origin) -> Account:
    account = await account_of(tools, user_id)
    seen_at = account.observed_at
    if can_be_paid(account).now or not account.is_open or seen_at is None:
        return account
    if age(tools, seen_at) > LOOK_AGAIN_AFTER:
        await look_and_record(tools, user_id, account, recorder(origin, account.stripe_account_id))
        return await account_of(tools, user_id)
    return account


def _checked(account: Account) -> str:
    payable = can_be_paid(account)
    if not payable.now:
        raise AccountNotPayable(f"{payable.why_not[:1].upper()}{payable.why_not[1:]}.")
    return account.stripe_account_id
