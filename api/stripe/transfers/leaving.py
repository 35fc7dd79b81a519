"""Whoever leaves gives back first what they owe, as far as their account at Stripe has it: afterwards nobody
can take it.
"""

from __future__ import annotations

from api.stripe.accounts import close as accounts
from api.stripe.accounts.record import account_of
from api.stripe.delivery import Delivered, Postponed, Tools, as_worker
from api.stripe.transfers import reverse
from api.stripe.transfers.record import earnings_of
from ledger.earnings.commands import RequestRecall
from ledger.earnings.refusals import NothingToRecall
from ledger.effects import CloseAccount, ResolveReversal, ReverseTransfer
from ledger.message import Origin, Recorded


async def close(tools: Tools, effect: CloseAccount, origin: Origin, cause: Recorded | None) -> Delivered:
    """Raises Postponed until it is known what was given back. What could not be stays owed."""
    account = await account_of(tools, effect.user_id)
    if account.closing == effect.request_id:
        await _give_back(tools, effect, origin)
    return await accounts.close(tools, effect, origin, cause)


async def _give_back(tools: Tools, effect: CloseAccount, origin: Origin) -> None:
    if tools.owners is None:
        raise Postponed("nothing here knows in which currencies they have earned something")
    for currency in await tools.owners.currencies_of(effect.user_id):
        await _request(tools, effect, currency, origin)
        earnings = await earnings_of(tools, effect.user_id, currency)
        for recall_id, recall in earnings.recalls.items():
            about = (effect.user_id, currency, recall_id)
            if recall.status == "requested":
                await reverse.reverse(tools, ReverseTransfer(*about), origin)
            else:
                await reverse.resolve(tools, ResolveReversal(*about), origin)
        if (await earnings_of(tools, effect.user_id, currency)).recalls:
            raise Postponed("what is owed back is taken back before the account is closed")


async def _request(tools: Tools, effect: CloseAccount, currency: str, origin: Origin) -> None:
    """Once for each closing."""
    command = RequestRecall(
        command_id=f"recall_before_closing:{effect.request_id}:{currency}",
        effective_at=tools.clock.now(),
        user_id=effect.user_id,
        currency=currency,
    )
    try:
        await tools.store.handle(command, as_worker(origin))
    except NothingToRecall:
        return
