"""Apply an event of a connected account: look at the account now, and record what is new.

Whatever the event says, also that the owner has left, it is only a hint.
"""

from __future__ import annotations

import msgspec

from api.stripe.accounts import lookup
from api.stripe.accounts.lookup import Present
from api.stripe.accounts.record import account_of, owner_named, record_account, record_gone
from api.stripe.delivery import Owner, Postponed, Tools
from ledger.effects import ApplyWebhook
from ledger.message import Origin
from ledger.webhooks.stream import stream_of

NOT_OURS = "the connected account is none of this ledger's"
ANOTHERS = "the connected account is another user's, whatever it says"


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
    if not (await account_of(tools, owner.user_id)).attempt:
        # it would be taken up as the user's, and what an account names can be written by anybody with the key
        known = await _owner(tools, effect)
        if known is not None and known.user_id != owner.user_id:
            return Applied(ignored=ANOTHERS)
    outcome = await record_account(tools, owner.user_id, owner.account_id, present, origin)
    return Applied(owner.account_id, changed=bool(outcome.recorded))


async def _gone(tools: Tools, effect: ApplyWebhook, present: Present, origin: Origin) -> Applied:
    """Stripe does not tell any more whose it is; the tables do."""
    owner = await _owner(tools, effect)
    if owner is None:
        return Applied(ignored=NOT_OURS)
    outcome = await record_gone(tools, owner.user_id, effect.account_id, present, origin)
    return Applied(owner.account_id, changed=bool(outcome.recorded))


async def _owner(tools: Tools, effect: ApplyWebhook) -> Owner | None:
    """By the tables. Raises Postponed while they are behind the event."""
    if tools.owners is None:
        raise Postponed("nothing here knows whose connected account it is")
    [received] = (await tools.store.read_stream(stream_of(effect.stripe_event_id)))[:1]
    return await tools.owners.owner_of(effect.account_id, received.position)
