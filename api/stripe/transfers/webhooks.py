"""Apply an event of a transfer: fetch it with its reversals, and record what is new.

Also one that a restored ledger has forgotten: the transfer says whose payout it is.
"""

from __future__ import annotations

from api.stripe.accounts.webhooks import Applied
from api.stripe.delivery import Tools
from api.stripe.transfers import lookup
from api.stripe.transfers.record import named, record_present
from ledger.effects import ApplyWebhook
from ledger.message import Origin

NOT_OURS = "the transfer is none of this ledger's payouts"


async def apply(tools: Tools, effect: ApplyWebhook, origin: Origin) -> Applied:
    """Raises what a call to Stripe raises."""
    transfer = await lookup.transfer(tools.stripe, effect.object_id)
    of = named(transfer, tools.store.ledger_id)
    if of is None:
        return Applied(ignored=NOT_OURS)
    outcomes = await record_present(tools, transfer, of, origin)
    return Applied(of.payout_id, changed=any(outcome.recorded for outcome in outcomes))
