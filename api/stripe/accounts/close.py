"""Close a connected account at Stripe, which needs its balance to be zero."""

from __future__ import annotations

import stripe

from api.stripe.accounts import balance, lookup
from api.stripe.accounts.lookup import Present
from api.stripe.accounts.record import account_of, record_gone
from api.stripe.delivery import STRIPE_ERRORS, Delivered, Tools, postponed_by, recorder
from api.stripe.failures import failure_of
from api.stripe.payments.lookup import patiently
from ledger.accounts.commands import RecordClosingRefusal
from ledger.effects import CloseAccount
from ledger.ids import new_id
from ledger.message import Origin, Recorded

BALANCE_NOT_ZERO = "balance_not_zero"


async def close(tools: Tools, effect: CloseAccount, origin: Origin, _cause: Recorded | None) -> Delivered:
    """Deleting twice is harmless, so that an unclear answer is asked for again; raises Postponed then."""
    account = await account_of(tools, effect.user_id)
    if account.closing != effect.request_id:
        return Delivered()
    as_stripe = recorder(origin, account.stripe_account_id)
    path = lookup.path_of(account.stripe_account_id)
    try:
        await patiently(lambda: tools.stripe.raw_request_async("delete", path))
    except STRIPE_ERRORS as error:
        if not (isinstance(error, stripe.StripeError) and lookup.is_gone(error)):
            failure = failure_of(error)
            if failure.kind != "refused":
                raise postponed_by(failure) from error
            return await _refused(tools, effect, account.stripe_account_id, failure.code, as_stripe)
    # seen when the answer was here: a look that began before may still show it
    gone = Present(tools.clock.now(), None)
    return Delivered(await record_gone(tools, effect.user_id, account.stripe_account_id, gone, as_stripe))


async def _refused(
    tools: Tools, effect: CloseAccount, stripe_account_id: str, code: str, origin: Origin
) -> Delivered:
    """Stripe has no code for a balance that is left, only a message."""
    currencies = await balance.currencies_held(tools.stripe, stripe_account_id)
    command = RecordClosingRefusal(
        command_id=new_id("cmd"),
        effective_at=tools.clock.now(),
        user_id=effect.user_id,
        request_id=effect.request_id,
        code=BALANCE_NOT_ZERO if currencies else code,
        currencies=currencies,
    )
    return Delivered(await tools.store.handle(command, origin))
