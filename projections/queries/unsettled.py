"""What is not settled here, for a comparison with Stripe: by the tables, which may lag the ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from psycopg import AsyncConnection
from psycopg.rows import class_row


class LiveSubscription(msgspec.Struct, frozen=True):
    subscription_id: str
    stripe_subscription_id: str


class Intent(msgspec.Struct, frozen=True):
    """A PaymentIntent at Stripe, and what of ours it pays: the one of the two that is not empty."""

    payment_intent_id: str
    payment_id: str = ""
    invoice_id: str = ""


_LIVE = """
    SELECT subscription_id, stripe_subscription_id
    FROM subscriptions
    WHERE status IN ('incomplete', 'trialing', 'active', 'past_due', 'unpaid', 'paused', 'duplicate')
        AND stripe_subscription_id <> ''
    ORDER BY position
"""


async def live_subscriptions(conn: AsyncConnection[Any]) -> list[LiveSubscription]:
    async with conn.cursor(row_factory=class_row(LiveSubscription)) as cursor:
        return await (await cursor.execute(_LIVE)).fetchall()


_OPEN = "SELECT stripe_invoice_id FROM invoices WHERE status IN ('open', 'uncollectible') ORDER BY position"


async def open_invoices(conn: AsyncConnection[Any]) -> list[str]:
    return [row[0] for row in await (await conn.execute(_OPEN)).fetchall()]


_UNSETTLED = """
    SELECT payment_intent_id, payment_id, ''
    FROM payments
    WHERE payment_intent_id <> ''
        AND (status IN ('processing', 'requires_action')
            OR (captured_minor > 0 AND balance_transaction_id = ''))
    ORDER BY position
"""


async def unsettled_intents(conn: AsyncConnection[Any]) -> list[Intent]:
    """Those of payments alone: of an invoice's, the invoice is open."""
    return await _intents(conn, _UNSETTLED)


_REFUNDING = """
    SELECT DISTINCT payment_intent_id, payment_id, ''
    FROM refunds JOIN payments USING (payment_id)
    WHERE refunds.status IN ('requested', 'pending', 'unknown') AND payment_intent_id <> ''
    UNION
    SELECT DISTINCT payment_intent_id, '', stripe_invoice_id
    FROM credit_notes JOIN invoices USING (stripe_invoice_id)
    WHERE credit_notes.status IN ('requested', 'unknown') AND payment_intent_id <> ''
"""


async def refunding_intents(conn: AsyncConnection[Any]) -> list[Intent]:
    """Of which something is on its way back."""
    return await _intents(conn, _REFUNDING)


_CONTESTED = """
    SELECT DISTINCT payment_intent_id, payment_id, ''
    FROM disputes JOIN payments USING (payment_id)
    WHERE disputes.status NOT IN ('won', 'lost', 'warning_closed') AND payment_intent_id <> ''
    UNION
    SELECT DISTINCT invoices.payment_intent_id, '', stripe_invoice_id
    FROM invoice_disputes JOIN invoices ON stripe_invoice_id = invoice_disputes.payment_id
    WHERE invoice_disputes.status NOT IN ('won', 'lost', 'warning_closed')
        AND invoices.payment_intent_id <> ''
"""


async def contested_intents(conn: AsyncConnection[Any]) -> list[Intent]:
    """Of which a dispute or an inquiry is open."""
    return await _intents(conn, _CONTESTED)


_NAMED = """
    SELECT payment_intent_id, payment_id, '' FROM payments WHERE payment_intent_id = ANY(%(ids)s)
    UNION
    SELECT payment_intent_id, '', stripe_invoice_id FROM invoices WHERE payment_intent_id = ANY(%(ids)s)
"""


async def intents(conn: AsyncConnection[Any], ids: Sequence[str]) -> Mapping[str, Intent]:
    """Those of `ids` that pay something of ours."""
    return {one.payment_intent_id: one for one in await _intents(conn, _NAMED, ids=list(ids))}


async def _intents(conn: AsyncConnection[Any], query: str, **values: Any) -> list[Intent]:
    found = await (await conn.execute(query.encode(), values or None)).fetchall()
    return [Intent(*row) for row in found]
