"""Subscriptions and invoices, compared with what is known of them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec

from api.stripe.billing import lookup
from api.stripe.billing.lookup import PresentSubscription
from api.stripe.billing.objects import Invoice, Subscription
from api.stripe.billing.record import (
    differs,
    has_news,
    invoice_of,
    names_ours,
    record_invoice,
    record_news,
    subscription_of,
)
from api.stripe.billing.snapshots import commands_of
from api.stripe.sweep.comparing import Comparison, Finding, types_of
from ledger.invoices.decider import INVOICE
from projections.queries.unsettled import live_subscriptions, open_invoices


async def subscriptions(run: Comparison) -> AsyncIterator[Finding]:
    """All that are not over, by Stripe or by the ledger; with their newest invoices, where they differ."""
    met: set[str] = set()
    async for found in run.listed("/v1/subscriptions", Subscription):
        met.add(found.id)
        named = await _ours(run, found)
        if not named:
            continue
        run.compared += 1
        async for finding in run.found_by(_compare(run, found, named), found.id):
            yield finding
    for one in await live_subscriptions(run.conn):
        if one.stripe_subscription_id not in met:
            run.compared += 1
            look = _look(run, one.stripe_subscription_id, one.subscription_id)
            async for finding in run.found_by(look, one.stripe_subscription_id):
                yield finding


async def _ours(run: Comparison, found: Subscription) -> str:
    """Our id of it, when the ledger has it; one that a restore has lost is not taken up in passing."""
    user_id, named = found.metadata.get("user_id", ""), found.metadata.get("subscription_id", "")
    if not (user_id and named) or await subscription_of(run.tools, user_id, named) is None:
        return ""
    return named


async def _compare(run: Comparison, found: Subscription, named: str) -> AsyncIterator[Finding]:
    """Their invoices are not asked for here: what only they tell is no more than a cause to look closely."""
    present = PresentSubscription(
        subscription=found, invoices=[], details=[], observed_at=run.tools.clock.now()
    )
    if await has_news(run.tools, present):
        async for finding in _look(run, found.id, named):
            yield finding


async def _look(run: Comparison, stripe_subscription_id: str, named: str) -> AsyncIterator[Finding]:
    await run.pace()
    present = await lookup.present_subscription(
        run.tools.stripe, stripe_subscription_id, run.tools.clock.now()
    )
    finding = Finding(kind="subscription", object_id=stripe_subscription_id, subject=named)
    if run.dry:
        if await has_news(run.tools, present):
            yield finding
        return
    outcomes = await record_news(run.tools, present, run.origin)
    if recorded := types_of(outcomes):
        yield Finding(kind="subscription", object_id=stripe_subscription_id, subject=named, recorded=recorded)


async def invoices(run: Comparison) -> AsyncIterator[Finding]:
    """All that are open, by Stripe or by the ledger, and those made lately."""
    met: set[str] = set()
    for choice in ({"status": "open"}, run.lately):
        async for found in run.listed("/v1/invoices", Invoice, **choice):
            if found.id in met:
                continue
            met.add(found.id)
            run.compared += 1
            if await differs(run.tools, found):
                async for finding in run.found_by(look_at_invoice(run, found.id), found.id):
                    yield finding
    for invoice_id in await open_invoices(run.conn):
        if invoice_id not in met:
            run.compared += 1
            async for finding in run.found_by(look_at_invoice(run, invoice_id), invoice_id):
                yield finding


async def look_at_invoice(
    run: Comparison, invoice_id: str, *, refunds: bool = False, disputes: bool = False
) -> AsyncIterator[Finding]:
    await run.pace()
    known = await invoice_of(run.tools, invoice_id)
    present = await lookup.present_invoice(
        run.tools.stripe,
        invoice_id,
        with_credits=refunds or bool(known.credits),
        with_disputes=disputes or bool(known.disputes),
    )
    metadata = (present.invoice.subscription and present.invoice.subscription.metadata) or {}
    user_id, named = metadata.get("user_id", ""), metadata.get("subscription_id", "")
    if not names_ours(present) or await subscription_of(run.tools, user_id, named) is None:
        return
    finding = Finding(kind="invoice", object_id=invoice_id, subject=invoice_id)
    if run.dry:
        if any(INVOICE.decide(command, known) for command in commands_of(present, known)):
            yield finding
        return
    if recorded := types_of(await record_invoice(run.tools, present, run.origin)):
        yield msgspec.structs.replace(finding, recorded=recorded)
