"""Transfers that Stripe made and a restored ledger has forgotten: what they paid is not available any more.

They are taken up before anything else is paid, as another payout has another key.
"""

from __future__ import annotations

from datetime import timedelta

from api.stripe.delivery import Tools, recorder
from api.stripe.transfers import lookup
from api.stripe.transfers.record import earnings_of, named, record_present
from ledger.message import Origin

LATELY = timedelta(days=30)
"""How far back it looks: as long as Stripe's list of events, by which all else is caught up."""


async def take_up(tools: Tools, user_id: str, stripe_account_id: str, origin: Origin) -> None:
    """All that went into a user's connected account, whatever its currency. Raises what a call to Stripe
    raises.
    """
    since = tools.clock.now() - LATELY
    for transfer in await lookup.into_account(tools.stripe, stripe_account_id, since):
        of = named(transfer, tools.store.ledger_id)
        if of is None or of.user_id != user_id:
            continue
        known = (await earnings_of(tools, user_id, transfer.currency)).transfers
        if transfer.id not in {one.transfer_id for one in known}:
            await record_present(tools, transfer, of, recorder(origin, transfer.id))
