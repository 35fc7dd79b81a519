"""Apply an event about a subscription, an invoice or a credit note: see `webhooks.py`."""

from __future__ import annotations

from datetime import datetime

import msgspec

from api.effects import billing_lookup
from api.effects.billing import (
    invoice_of,
    names_ours,
    record_invoice,
    record_subscription,
    subscription_of,
)
from api.effects.billing_lookup import path_of
from api.effects.billing_objects import CreditNote, PresentInvoice
from api.effects.objects import id_of
from api.effects.wiring import IMPATIENCE, Postponed, Wiring
from ledger.message import Origin
from ledger.policies.effects import ApplyWebhook

FAMILIES = ("customer.subscription.", "invoice.", "credit_note.")


class Applied(msgspec.Struct, frozen=True):
    """`ignored` says why nothing of it is ours; else empty."""

    changed: bool = False
    subject: str = ""
    ignored: str = ""
    credits: bool = False
    disputes: bool = False
    """Which lists were looked at."""


async def apply(wiring: Wiring, effect: ApplyWebhook, origin: Origin) -> Applied:
    """Raises what a call to Stripe raises, and Postponed for a subscription that the ledger does not know."""
    if not effect.object_id:
        return Applied(ignored="it is about nothing that has happened yet")
    if effect.stripe_event_type.startswith("customer.subscription."):
        return await _subscription(wiring, effect, origin)
    if effect.stripe_event_type.startswith("invoice."):
        return await invoice(wiring, effect.object_id, origin)
    note = await billing_lookup.get(wiring.stripe, path_of("credit_notes", effect.object_id), CreditNote)
    return await invoice(wiring, id_of(note.invoice), origin, with_credits=True)


async def _subscription(wiring: Wiring, effect: ApplyWebhook, origin: Origin) -> Applied:
    told_at = await _told_at(wiring, effect)
    present = await billing_lookup.present_subscription(wiring.stripe, effect.object_id, wiring.clock.now())
    metadata = present.subscription.metadata
    user_id, subscription_id = metadata.get("user_id", ""), metadata.get("subscription_id", "")
    if not (user_id and subscription_id):
        return Applied(ignored="the subscription carries no subscription_id: another integration's")
    await _check_known(wiring, user_id, subscription_id, effect.object_id)
    recorded = await record_subscription(wiring, present, origin, told_at=told_at)
    return Applied(changed=recorded.changed, subject=subscription_id)


async def invoice(
    wiring: Wiring,
    stripe_invoice_id: str,
    origin: Origin,
    *,
    with_credits: bool = False,
    with_disputes: bool = False,
) -> Applied:
    known = await invoice_of(wiring, stripe_invoice_id)
    with_credits, with_disputes = with_credits or bool(known.credits), with_disputes or bool(known.disputes)
    present = await billing_lookup.present_invoice(
        wiring.stripe, stripe_invoice_id, with_credits=with_credits, with_disputes=with_disputes
    )
    if not names_ours(present):
        return Applied(ignored="the invoice is of no subscription of ours: another integration's")
    user_id, subscription_id = _owner(present)
    await _check_known(wiring, user_id, subscription_id, stripe_invoice_id)
    outcomes = await record_invoice(wiring, present, origin)
    return Applied(
        changed=any(one.recorded for one in outcomes),
        subject=stripe_invoice_id,
        credits=with_credits,
        disputes=with_disputes,
    )


def _owner(present: PresentInvoice) -> tuple[str, str]:
    details = present.invoice.subscription
    metadata = (details.metadata if details else None) or {}
    return metadata["user_id"], metadata["subscription_id"]


async def _check_known(wiring: Wiring, user_id: str, subscription_id: str, object_id: str) -> None:
    if await subscription_of(wiring, user_id, subscription_id) is None:
        unknown = f"the ledger has no subscription {subscription_id}, which {object_id} at Stripe names"
        raise Postponed(unknown, IMPATIENCE)


async def _told_at(wiring: Wiring, effect: ApplyWebhook) -> datetime | None:
    """When Stripe says that it happened."""
    facts = await wiring.store.read_stream(f"webhook-{effect.stripe_event_id}")
    return facts[0].metadata.effective_at if facts else None
