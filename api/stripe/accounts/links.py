"""Links by which the owner of a connected account comes to Stripe's onboarding.

https://docs.stripe.com/connect/express-accounts#create-link
"""

from __future__ import annotations

import stripe

from api.stripe.accounts import bank_payouts, lookup
from api.stripe.accounts.objects import AccountLink
from api.stripe.accounts.record import account_of, look_and_record
from api.stripe.delivery import Owner, Tools, recorder
from api.stripe.failures import failure_of
from api.stripe.objects import parse
from api.stripe.payments.lookup import patiently
from ledger.accounts.refusals import NoAccount, OnboardingRefused
from ledger.message import Origin


async def onboarding_link(
    tools: Tools, user_id: str, return_url: str, refresh_url: str, origin: Origin
) -> AccountLink:
    """Made anew each time, and stored nowhere. Raises `NoAccount` and `OnboardingRefused`, and what a call to
    Stripe raises.
    """
    account = await account_of(tools, user_id)
    if not account.is_open:
        raise NoAccount("There is no connected account to go on with: open one first.")
    try:
        made = await patiently(
            lambda: tools.stripe.v1.account_links.create_async(
                {
                    "account": account.stripe_account_id,
                    "type": "account_onboarding",
                    "return_url": return_url,
                    "refresh_url": refresh_url,
                }
            )
        )
    except stripe.StripeError as error:
        if lookup.is_gone(error):
            await look_and_record(tools, user_id, account, recorder(origin, account.stripe_account_id))
            raise NoAccount("The connected account is closed at Stripe: open another one.") from error
        failure = failure_of(error)
        if failure.kind != "refused":
            raise
        raise OnboardingRefused(f"Stripe makes no link for this account ({failure.code}).") from error
    return parse(made, AccountLink)


async def refreshed(tools: Tools, user_id: str, origin: Origin) -> None:
    """What Stripe says now, recorded, also of the latest payouts to the owner's bank. Nothing where no
    account is open or gone. Raises what a call to Stripe raises.
    """
    account = await account_of(tools, user_id)
    at_stripe = account.stripe_account_id
    if not at_stripe:
        return
    as_stripe = recorder(origin, at_stripe)
    await look_and_record(tools, user_id, account, as_stripe)
    await bank_payouts.record_latest(tools, Owner(user_id, account.account_id), at_stripe, as_stripe)
