"""Subscriptions, and invoices with their credit notes and disputes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import msgspec

from api.stripe.adopting.candidates import OPERATOR, Candidate, Window, whose
from api.stripe.adopting.touched import touched
from api.stripe.billing import lookup as billing_lookup
from api.stripe.billing import webhooks as billing_webhooks
from api.stripe.billing.items import plan_item
from api.stripe.billing.lookup import each
from api.stripe.billing.objects import CreditNote, Invoice, Subscription
from api.stripe.billing.record import record_subscription, subscription_of
from api.stripe.delivery import Tools
from api.stripe.objects import id_of, instant
from api.stripe.payments import lookup
from ledger.message import Event
from ledger.subscriptions import state
from ledger.subscriptions.events import SubscriptionObserved

LONGEST_OPEN = timedelta(days=60)
"""An invoice made so long before the window may come to its end in it: dunning takes 51 days."""


async def subscriptions(tools: Tools, window: Window) -> AsyncIterator[Candidate]:
    """All but those that were over before the window: Stripe's list does not tell when one was changed."""
    since = window.since.timestamp()
    async for found in each(tools.stripe, "/v1/subscriptions", Subscription, status="all"):
        if found.ended_at is not None and found.ended_at < since:
            continue
        if (candidate := await _subscription(tools, found)) is not None:
            yield candidate


async def _subscription(tools: Tools, found: Subscription) -> Candidate | None:
    """None for another integration's."""
    metadata = found.metadata
    user_id, subscription_id = metadata.get("user_id", ""), metadata.get("subscription_id", "")
    if not (user_id and subscription_id):
        return None
    known = await subscription_of(tools, user_id, subscription_id)

    async def record(tools: Tools) -> None:
        present = await billing_lookup.present_subscription(tools.stripe, found.id, tools.clock.now())
        await record_subscription(tools, present, OPERATOR)

    return Candidate(
        kind="subscription",
        stripe_id=found.id,
        whose=whose(metadata, tools.store.ledger_id, known=known is not None),
        made_at=instant(found.created),
        record=record,
        is_news=lambda event: known is None or not _is_mere_look(event, known),
        our_id=subscription_id,
        user_id=user_id,
        amount_minor=plan_item(found).price.unit_amount,
        currency=found.currency,
        related=(id_of(found.customer), id_of(found.latest_invoice)),
    )


def _is_mere_look(event: Event, known: state.Subscription) -> bool:
    return isinstance(event, SubscriptionObserved) and (
        (event.open_invoice_id, event.trial_end) == (known.open_invoice_id, known.trial_end)
    )


async def invoices(tools: Tools, window: Window) -> AsyncIterator[Candidate]:
    """Those that came to something in the window, or were credited, refunded or disputed in it."""
    seen: set[str] = set()
    async for invoice in _moved(tools, window):
        seen.add(invoice.id)
        if (candidate := await _invoice(tools, invoice)) is not None:
            yield candidate
    async for invoice_id in _with_money_moved(tools, window):
        if invoice_id not in seen:
            seen.add(invoice_id)
            path = billing_lookup.path_of("invoices", invoice_id)
            older = await _invoice(tools, await billing_lookup.get(tools.stripe, path, Invoice))
            if older is not None:
                yield older


async def _moved(tools: Tools, window: Window) -> AsyncIterator[Invoice]:
    since = window.since.timestamp()
    created = Window(window.since - LONGEST_OPEN).created
    async for invoice in each(tools.stripe, "/v1/invoices", Invoice, created=created):
        moments = (invoice.created, *msgspec.structs.astuple(invoice.status_transitions))
        if max(moment or 0 for moment in moments) >= since and invoice.status != "draft":
            yield invoice


async def _with_money_moved(tools: Tools, window: Window) -> AsyncIterator[str]:
    """Ids; also of invoices that are none of ours."""
    async for note in each(tools.stripe, "/v1/credit_notes", CreditNote, created=window.created):
        yield id_of(note.invoice)
    async for intent_id in touched(tools, window):
        intent = await lookup.payment_intent(tools.stripe, intent_id)
        if "payment_id" in (intent.metadata or {}):
            continue
        if invoice_id := await billing_lookup.invoice_of_payment_intent(tools.stripe, intent_id):
            yield invoice_id


async def _invoice(tools: Tools, invoice: Invoice) -> Candidate | None:
    """None for one of no subscription of ours."""
    metadata = (invoice.subscription.metadata if invoice.subscription else None) or {}
    user_id, subscription_id = metadata.get("user_id", ""), metadata.get("subscription_id", "")
    if not (user_id and subscription_id):
        return None
    known = await subscription_of(tools, user_id, subscription_id)

    async def record(tools: Tools) -> None:
        await billing_webhooks.invoice(tools, invoice.id, OPERATOR)

    return Candidate(
        kind="invoice",
        stripe_id=invoice.id,
        whose=whose(metadata, tools.store.ledger_id, known=known is not None),
        made_at=instant(invoice.created),
        record=record,
        our_id=subscription_id,
        user_id=user_id,
        amount_minor=invoice.total,
        currency=invoice.currency,
    )
