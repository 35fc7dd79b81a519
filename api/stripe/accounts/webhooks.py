"""Apply an event of a connected account: look at the account now, and record what is new.

Whatever the event says, also that the owner has left, it is only a hint.
"""

from __future__ import annotations

import msgspec

from api.stripe.accounts import lookup
from api.stripe.accounts.lookup import Present
from api.stripe.accounts.record import owner_named, record_account, record_gone
from api.stripe.delivery import Postponed, Tools
from ledger.effects import ApplyWebhook
from ledger.message import Origin
from ledger.webhooks.stream import stream_of

NOT_OURS = "the connected account is none of this ledger's"


class Applied(msgspec.Struct, frozen=True):
    """`ignored` says why nothing was to be recorded."""

    subject: str = ""
    changed: bool = False
    ignored: str = ""


async def apply(tools: Tools, effect: ApplyWebhook, origin: Origin) -> Applied:
    """Raises what a call to Stripe raises, and Postponed."""
    present = await lookup.present(tools.stripe, effect.account_id, tools.clock.now())
    if present.account is None:
        return await _gone(tools, effect, present, origin)
    owner = owner_named(present.account, tools.store.ledger_id)
    if owner is None:
        return Applied(ignored=NOT_OURS)
    outcome = await record_account(tools, owner.user_id, owner.account_id, present, origin)
    return Applied(owner.account_id, changed=bool(outcome.recorded))


async def _gone(tools: Tools, effect: ApplyWebhook, present: Present, origin: Origin) -> Applied:
    """Stripe does not tell any more whose it is; the tables do."""
    if tools.owners is None:
        raise Postponed("nothing here knows whose connected account it is")
    [received] = (await tools.store.read_stream(stream_of(effect.stripe_event_id)))[:1]
    owner = await tools.owners.owner_of(effect.account_id, received.position)
    if owner is None:
        return Applied(ignored=NOT_OURS)
    outcome = await record_gone(tools, owner.user_id, effect.account_id, present, origin)
    return Applied(owner.account_id, changed=bool(outcome.recorded))
