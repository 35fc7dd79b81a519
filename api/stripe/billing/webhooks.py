"""Apply an event about a subscription, an invoice or a credit note: see `webhooks.py`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import msgspec
import stripe

from api.stripe.billing import lookup as billing_lookup
from api.stripe.billing.catalogue import is_ours
from api.stripe.billing.lookup import path_of
from api.stripe.billing.objects import CreditNote, PresentInvoice, Price, Subscription
from api.stripe.billing.record import (
    invoice_of,
    look_and_record,
    names_ours,
    record_invoice,
    record_news,
    record_other_invoices,
    record_subscription,
    subscription_of,
)
from api.stripe.billing.snapshots import lost_subscription
from api.stripe.delivery import IMPATIENCE, Postponed, Tools
from api.stripe.failures import is_missing
from api.stripe.objects import id_of
from ledger.effects import ApplyWebhook
from ledger.message import Origin
from ledger.subscriptions.state import ENDED
from ledger.webhooks.stream import stream_of

_ANOTHERS = "the subscription is another ledger's"
FAMILIES = ("customer.subscription.", "invoice.", "credit_note.", "price.updated")

SHOWS_IT = timedelta(minutes=1)
"""A look at a subscription so much later than an event shows what came with the event: Stripe's clock and
ours may differ, and Stripe's objects do not all change in the same moment.
"""


class Applied(msgspec.Struct, frozen=True):
    """`ignored` says why nothing of it is ours; else empty."""

    changed: bool = False
    subject: str = ""
    ignored: str = ""
    credits: bool = False
    disputes: bool = False
    """Which lists were looked at."""


async def apply(tools: Tools, effect: ApplyWebhook, origin: Origin) -> Applied:
    """Raises what a call to Stripe raises, and Postponed for a subscription that the ledger does not know."""
    if not effect.object_id:
        return Applied(ignored="it is about nothing that has happened yet")
    if effect.stripe_event_type.startswith("customer.subscription."):
        return await _subscription(tools, effect, origin)
    if effect.stripe_event_type.startswith("invoice."):
        return await invoice(tools, effect.object_id, origin, occurred_at=await occurred_at(tools, effect))
    if effect.stripe_event_type == "price.updated":
        return await _price(tools, effect, origin)
    note = await billing_lookup.get(tools.stripe, path_of("credit_notes", effect.object_id), CreditNote)
    when = await occurred_at(tools, effect)
    return await invoice(tools, id_of(note.invoice), origin, with_credits=True, occurred_at=when)


async def _subscription(tools: Tools, effect: ApplyWebhook, origin: Origin) -> Applied:
    when = await occurred_at(tools, effect)
    present = await billing_lookup.present_subscription(tools.stripe, effect.object_id, tools.clock.now())
    metadata = present.subscription.metadata
    user_id, subscription_id = metadata.get("user_id", ""), metadata.get("subscription_id", "")
    if not (user_id and subscription_id):
        return Applied(ignored="the subscription carries no subscription_id: another integration's")
    if await subscription_of(tools, user_id, subscription_id) is None:
        if _is_of_another(tools, metadata):
            return Applied(ignored=_ANOTHERS)
        _check_ours(tools, present.subscription, effect.object_id)
    recorded = await record_subscription(tools, present, origin, occurred_at=when)
    others = await record_other_invoices(tools, present, origin)
    return Applied(changed=recorded.changed or bool(others), subject=subscription_id)


async def _price(tools: Tools, effect: ApplyWebhook, origin: Origin) -> Applied:
    """A price may have got the tier that it lacked: what is billed by it and was not followed is looked at.

    What it costs never changes, so that no other subscription needs that. Our own prices lack nothing.
    """
    price = await billing_lookup.get(tools.stripe, path_of("prices", effect.object_id), Price)
    if is_ours(price):
        return Applied(ignored="the price is of our making, and what it says is known")
    looked, changed = 0, False
    for one in await billing_lookup.subscriptions_of_price(tools.stripe, price.id):
        user_id, subscription_id = one.metadata.get("user_id", ""), one.metadata.get("subscription_id", "")
        known = await subscription_of(tools, user_id, subscription_id) if user_id else None
        if known is not None and known.not_followed:
            looked += 1
            changed |= (await look_and_record(tools, one.id, origin)).changed
    if not looked:
        return Applied(ignored="no subscription waits for what this price says")
    return Applied(changed=changed, subject=price.id)


async def invoice(
    tools: Tools,
    stripe_invoice_id: str,
    origin: Origin,
    *,
    with_credits: bool = False,
    with_disputes: bool = False,
    occurred_at: datetime | None = None,
) -> Applied:
    """And its subscription, as an event of either side is insurance for the other's. `occurred_at` is when
    Stripe says that it happened.
    """
    known = await invoice_of(tools, stripe_invoice_id)
    with_credits, with_disputes = with_credits or bool(known.credits), with_disputes or bool(known.disputes)
    present = await billing_lookup.present_invoice(
        tools.stripe, stripe_invoice_id, with_credits=with_credits, with_disputes=with_disputes
    )
    if not names_ours(present):
        return Applied(ignored="the invoice is of no subscription of ours: another integration's")
    changed = await _take_up(tools, present, origin)
    if changed is None:
        return Applied(ignored=_ANOTHERS)
    outcomes = await record_invoice(tools, present, origin)
    if not changed:
        changed = await _look_at_subscription(tools, present, origin, occurred_at)
    return Applied(
        changed=changed or any(one.recorded for one in outcomes),
        subject=stripe_invoice_id,
        credits=with_credits,
        disputes=with_disputes,
    )


async def _take_up(tools: Tools, present: PresentInvoice, origin: Origin) -> bool | None:
    """The invoice's subscription, when the ledger has lost it. Answers whether anything was recorded; None
    when it is another ledger's.
    """
    details = present.invoice.subscription
    assert details is not None, "as was looked at"
    metadata = details.metadata or {}
    if await subscription_of(tools, metadata["user_id"], metadata["subscription_id"]) is not None:
        return False
    if _is_of_another(tools, metadata):
        return None
    stripe_subscription_id = id_of(details.subscription)
    lost = await billing_lookup.present_subscription(tools.stripe, stripe_subscription_id, tools.clock.now())
    _check_ours(tools, lost.subscription, present.invoice.id)
    return (await record_subscription(tools, lost, origin)).changed


async def _look_at_subscription(
    tools: Tools, present: PresentInvoice, origin: Origin, occurred_at: datetime | None
) -> bool:
    """Answers whether it told anything new; not asked for when it was seen since. Of an invoice of ours."""
    details = present.invoice.subscription
    assert details is not None, "as was looked at"
    metadata = details.metadata or {}
    known = await subscription_of(tools, metadata["user_id"], metadata["subscription_id"])
    assert known is not None, "it was taken up if it was lost"
    seen = known.observed_at
    if known.status in ENDED or (occurred_at and seen and seen > occurred_at + SHOWS_IT):
        return False
    stripe_subscription_id = known.stripe_subscription_id or id_of(details.subscription)
    try:
        found = await billing_lookup.present_subscription(
            tools.stripe, stripe_subscription_id, tools.clock.now()
        )
    except stripe.StripeError as error:
        if not is_missing(error):
            raise
        return False  # the invoice, which the event is about, is there
    return bool(await record_news(tools, found, origin, occurred_at=occurred_at))


def _is_of_another(tools: Tools, metadata: Mapping[str, str]) -> bool:
    """A ledger that shares our Stripe account says so in what it makes."""
    return metadata.get("ledger_id", tools.store.ledger_id) != tools.store.ledger_id


def _check_ours(tools: Tools, found: Subscription, object_id: str) -> None:
    """Whether a subscription that the ledger has not got began in it all the same."""
    if lost_subscription(found, tools.store.ledger_id) is None:
        named = found.metadata.get("subscription_id", "")
        unknown = f"the ledger has no subscription {named}, which {object_id} at Stripe names"
        raise Postponed(unknown, IMPATIENCE)


async def occurred_at(tools: Tools, effect: ApplyWebhook) -> datetime | None:
    """When Stripe says that it happened."""
    facts = await tools.store.read_stream(stream_of(effect.stripe_event_id))
    return facts[0].metadata.effective_at if facts else None
