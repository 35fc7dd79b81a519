"""Payouts of connected accounts to their owners' banks, as Stripe shows them now. They move nothing here.

All raise what a call to Stripe raises.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import stripe
from stripe.params import PayoutListParams

from api.stripe.accounts import lookup
from api.stripe.accounts.record import owner_named
from api.stripe.accounts.webhooks import Applied
from api.stripe.delivery import Owner, Tools
from api.stripe.objects import BalanceTransaction, Payout, instant, parse
from api.stripe.payments.lookup import PAGE, patiently
from ledger.bank_payouts.commands import RecordBankPayoutSnapshot
from ledger.bank_payouts.decider import BANK_PAYOUT
from ledger.bank_payouts.stream import stream_of
from ledger.effects import ApplyWebhook
from ledger.ids import new_id
from ledger.message import Origin, Outcome

LATELY = timedelta(days=30)
"""How far back a look goes for what no webhook told of."""
WITH_FAILURE = "failure_balance_transaction"
"""Says when the money came back."""
NOT_OURS = "the connected account is none of this ledger's, or gone"


async def apply(tools: Tools, effect: ApplyWebhook, origin: Origin) -> Applied:
    """Look at the payout that an event is about, and record what is new. Of an account that is gone, what is
    known stays.
    """
    owner = await _owner_of(tools, effect)
    if owner is None:
        return Applied(ignored=NOT_OURS)
    try:
        payout = await _present(tools, effect.account_id, effect.object_id)
    except stripe.StripeError as error:
        if not lookup.has_no_access(error):
            raise
        return Applied(effect.object_id)
    outcome = await _record(tools, owner, effect.account_id, payout, origin)
    return Applied(payout.id, changed=bool(outcome.recorded))


async def record_latest(tools: Tools, owner: Owner, stripe_account_id: str, origin: Origin) -> None:
    """One page of the last days, the oldest first, so that they are listed in their order."""
    found = await _since(tools, stripe_account_id, tools.clock.now() - LATELY)
    for payout in reversed(found):
        await _record(tools, owner, stripe_account_id, payout, origin)


async def _owner_of(tools: Tools, effect: ApplyWebhook) -> Owner | None:
    """As the ledger knows it of this payout, else as the account says."""
    known = await tools.store.state(BANK_PAYOUT, stream_of(effect.object_id))
    if known.stripe_account_id == effect.account_id:
        return Owner(known.user_id, known.account_id)
    account = (await lookup.present(tools.stripe, effect.account_id, tools.clock.now())).account
    return None if account is None else owner_named(account, tools.store.ledger_id)


async def _present(tools: Tools, stripe_account_id: str, payout_id: str) -> Payout:
    retrieve = tools.stripe.v1.payouts.retrieve_async
    answer = await patiently(
        lambda: retrieve(payout_id, {"expand": [WITH_FAILURE]}, {"stripe_account": stripe_account_id})
    )
    return parse(answer, Payout)


async def _since(tools: Tools, stripe_account_id: str, moment: datetime) -> list[Payout]:
    """The newest first. None of an account that is gone."""
    params: PayoutListParams = {
        "created": {"gte": int(moment.timestamp())},
        "limit": PAGE,
        "expand": [f"data.{WITH_FAILURE}"],
    }
    list_ = tools.stripe.v1.payouts.list_async
    try:
        page = await patiently(lambda: list_(params, {"stripe_account": stripe_account_id}))
    except stripe.StripeError as error:
        if not lookup.has_no_access(error):
            raise
        return []
    return [parse(item, Payout) for item in page.data]


async def _record(
    tools: Tools, owner: Owner, stripe_account_id: str, payout: Payout, origin: Origin
) -> Outcome:
    """Neither Stripe's words for a failure nor the bank account: both may name somebody."""
    command = RecordBankPayoutSnapshot(
        command_id=new_id("cmd"),
        effective_at=_happened_at(payout, tools.clock.now()),
        payout_id=payout.id,
        user_id=owner.user_id,
        account_id=owner.account_id,
        stripe_account_id=stripe_account_id,
        amount_minor=payout.amount,
        currency=payout.currency,
        status=payout.status,
        sent_at=instant(payout.created),
        arrival_at=instant(payout.arrival_date),
        failure_code=payout.failure_code or "",
    )
    return await tools.store.handle(command, origin)


def _happened_at(payout: Payout, now: datetime) -> datetime:
    """When it came to its status. An arrival is a day, which may not be over."""
    match payout.status:
        case "paid":
            return min(instant(payout.arrival_date), now)
        case "failed" | "canceled":
            back = payout.failure_balance_transaction
            return instant(back.created) if isinstance(back, BalanceTransaction) else now
        case _:
            return instant(payout.created)
