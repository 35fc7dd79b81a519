"""Pages whose time is over: Stripe is asked what became of each, be its webhook lost or not."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from psycopg import AsyncConnection

from api.clock import Clock
from ledger.message import Origin
from ledger.payments.commands import CancelPayment
from ledger.store import Store
from ledger.subscriptions.commands import EndSubscriptionPage
from projections.queries.due import PageDue, pages_due

BATCH = 200
_ORIGIN = Origin(actor="worker", roles=frozenset({"system"}), causation_id="pages")


async def end_pages(conn: AsyncConnection, store: Store, clock: Clock) -> int:
    """Ask for the end of what is due by `clock`; answers how many. What was paid in time is no error, and
    found by the same look.
    """
    count, after = 0, None
    while due := await pages_due(conn, clock.now(), BATCH, after=after):
        for one in due:
            command = _end_of(one, clock.now())
            outcome = await store.handle(command, _ORIGIN)
            count += bool(outcome.recorded) and not outcome.repeated
        after = due[-1]
    return count


def _end_of(page: PageDue, now: datetime) -> CancelPayment | EndSubscriptionPage:
    begun: dict[str, Any] = {"command_id": f"page_over:{page.id}", "effective_at": now}
    if page.what == "subscription":
        return EndSubscriptionPage(**begun, user_id=page.user_id, subscription_id=page.id)
    return CancelPayment(**begun, payment_id=page.id, user_id="", by_system=True, reason="abandoned")
