"""What a person who leaves has on its way: payments that wait, and pages on which something is to be paid."""

from __future__ import annotations

from api.services import Services
from api.subscriptions.entitlements import subscriber_of
from ledger.customers.commands import EraseCustomer
from ledger.ids import new_id
from ledger.subscriptions.state import UNANSWERED

_WAITING = """
    SELECT payment_id
    FROM payments
    WHERE user_id = %s AND status IN ('initiated', 'unknown', 'requires_action')
    ORDER BY position
"""
"""What the bank is at was confirmed by its cardholder, and Stripe does not call it off."""


async def erasure(services: Services, user_id: str) -> EraseCustomer:
    """With what they pay themselves, be it for others: a gift, or an invoice of their organisation's, which
    stays open for whoever else manages it. Raises `PositionNotReached` while the tables are far behind.
    """
    await services.positions.catch_up()
    async with services.reads.connection() as connection:
        found = await (await connection.execute(_WAITING, (user_id,))).fetchall()
    return EraseCustomer(
        command_id=new_id("cmd"),
        effective_at=services.now(),
        user_id=user_id,
        payment_ids=tuple(payment_id for (payment_id,) in found),
        page_ids=await _pages(services, user_id),
    )


async def _pages(services: Services, user_id: str) -> tuple[str, ...]:
    """Of subscriptions, by the ledger."""
    subscriber = await subscriber_of(services.store, user_id)
    live = [(one, subscriber.subscriptions[one]) for one in sorted(subscriber.live_ids)]
    return tuple(one for one, known in live if known.page_ends_at is not None and known.status in UNANSWERED)
