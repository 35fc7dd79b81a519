"""What is not paid, as time goes by: the next attempt, then unpaid, then the end."""

from __future__ import annotations

import structlog
from psycopg import AsyncConnection

from api.clock import Clock
from ledger.errors import Refused
from ledger.invoices.commands import RequestInvoiceRetry
from ledger.invoices.decider import INVOICE
from ledger.invoices.stream import stream_of as invoice_stream
from ledger.message import Command, Origin
from ledger.store import Store
from ledger.subscriptions.commands import AdvanceDunning
from ledger.subscriptions.decider import SUBSCRIBER
from ledger.subscriptions.stream import stream_of as subscriber_stream
from projections.queries.due import RetryDue, due_for_dunning, retries_due

BATCH = 200
_NOT_CHARGED = frozenset({"incomplete", "paused"})
"""A first invoice waits for its customer; nothing is collected in a pause."""
_ORIGIN = Origin(actor="worker", roles=frozenset({"system"}), causation_id="dunning")

log = structlog.get_logger()


async def advance_dunning(conn: AsyncConnection, store: Store, clock: Clock) -> int:
    """Ask for what is due by `clock`; answers how much was asked for. The outbox does the rest."""
    return await retry_invoices(conn, store, clock) + await advance_subscriptions(conn, store, clock)


async def retry_invoices(conn: AsyncConnection, store: Store, clock: Clock) -> int:
    """The command's id is made of the date of the attempt, so that a table that lags asks for none twice."""
    count, after = 0, None
    while due := await retries_due(conn, clock.now(), BATCH, after=after):
        for one in due:
            if await _is_charged(store, one):
                command = RequestInvoiceRetry(
                    command_id=f"retry:{one.stripe_invoice_id}:{one.at.isoformat()}",
                    effective_at=clock.now(),
                    stripe_invoice_id=one.stripe_invoice_id,
                    cause="schedule",
                )
                count += await _handle(store, command, one.stripe_invoice_id)
        after = due[-1]
    return count


async def _is_charged(store: Store, due: RetryDue) -> bool:
    """Nobody is charged for a subscription that is over."""
    invoice = await store.state(INVOICE, invoice_stream(due.stripe_invoice_id))
    subscriber = await store.state(SUBSCRIBER, subscriber_stream(invoice.user_id))
    subscription = subscriber.subscriptions.get(invoice.subscription_id)
    return subscription is not None and subscription.live and subscription.status not in _NOT_CHARGED


async def advance_subscriptions(conn: AsyncConnection, store: Store, clock: Clock) -> int:
    """An end that Stripe refused is asked for again on the next day."""
    count, after = 0, None
    while due := await due_for_dunning(conn, clock.now(), BATCH, after=after):
        for one in due:
            command = AdvanceDunning(
                command_id=f"dunning:{one.subscription_id}:{one.status}:{clock.now().date()}",
                effective_at=clock.now(),
                user_id=one.user_id,
                subscription_id=one.subscription_id,
            )
            count += await _handle(store, command, one.subscription_id)
        after = due[-1]
    return count


async def _handle(store: Store, command: Command, subject: str) -> bool:
    try:
        outcome = await store.handle(command, _ORIGIN)
    except Refused as refusal:
        log.info("dunning_waits", subject=subject, code=refusal.code, detail=refusal.detail)
        return False
    return bool(outcome.recorded) and not outcome.repeated
