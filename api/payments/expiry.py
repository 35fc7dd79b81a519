"""Payments that nobody confirms are canceled in time: Stripe itself lets them be confirmed for ever.

It gives up what is not captured in 7 days, a page of Checkout after 24 hours and a subscription's first
payment after 23; what is bought here has shorter times of its own.
https://docs.stripe.com/payments/paymentintents/lifecycle
"""

from __future__ import annotations

from datetime import timedelta

from psycopg import AsyncConnection

from api.clock import Clock
from ledger.message import Origin
from ledger.payments.commands import CancelPayment
from ledger.store import Store
from projections.queries.due import PaymentDue, unconfirmed_payments

BATCH = 200
_ORIGIN = Origin(actor="worker", roles=frozenset({"system"}), causation_id="unconfirmed_payments")


async def expire_unconfirmed(conn: AsyncConnection, store: Store, clock: Clock, after_hours: int) -> int:
    """Ask for the end of what waits so long; answers how many. The outbox has them canceled at Stripe."""
    before = clock.now() - timedelta(hours=after_hours)
    count = 0
    after: PaymentDue | None = None
    while due := await unconfirmed_payments(conn, before, BATCH, after=after):
        for one in due:
            command = CancelPayment(
                command_id=f"expire_payment:{one.payment_id}",
                effective_at=clock.now(),
                payment_id=one.payment_id,
                user_id=one.user_id,
                by_system=True,
                reason="expired",
            )
            outcome = await store.handle(command, _ORIGIN)
            count += bool(outcome.recorded) and not outcome.repeated
        after = due[-1]
    return count
