"""What time does to licences, recorded soon after it did: notices that are due, what has lapsed, and payments
by card that nobody finished.

Whoever reads a licence sees at once that it is over. Any number of workers do this once.
"""

from __future__ import annotations

from psycopg import AsyncConnection

from api.clock import Clock
from ledger.licences.commands import ExpireLicence, ExpireLicencePayment, LicenceCommand, RecordNotice
from ledger.message import Origin
from ledger.store import Store
from projections.queries.licences import (
    LicenceDue,
    LicencePaymentDue,
    expiries_due,
    notices_due,
    payments_due,
)

AT_ONCE = 500
WORKER = Origin(actor="worker", roles=frozenset({"system"}))


async def advance_licences(conn: AsyncConnection, store: Store, clock: Clock) -> int:
    """How many facts were recorded."""
    now, done = clock.now(), 0
    after: LicenceDue | None = None
    while due := await notices_due(conn, now, AT_ONCE, after=after):
        for one in due:
            notice = RecordNotice(
                command_id=f"licence_notice:{one.licence_id}:{one.term}:{one.at.isoformat()}",
                effective_at=now,
                licence_id=one.licence_id,
            )
            done += await _recorded(store, notice)
        after = due[-1]
    after = None
    while due := await expiries_due(conn, now, AT_ONCE, after=after):
        for one in due:
            expiry = ExpireLicence(
                command_id=f"licence_expired:{one.licence_id}:{one.term}",
                effective_at=now,
                licence_id=one.licence_id,
                term=one.term,
            )
            done += await _recorded(store, expiry)
        after = due[-1]
    return done


async def expire_payments(conn: AsyncConnection, store: Store, clock: Clock) -> int:
    """Ask for the end of what is due; answers how many. The outbox has the payments canceled."""
    now, done = clock.now(), 0
    after: LicencePaymentDue | None = None
    while due := await payments_due(conn, now, AT_ONCE, after=after):
        for one in due:
            expiry = ExpireLicencePayment(
                command_id=f"licence_payment_expired:{one.payment_id}",
                effective_at=now,
                licence_id=one.licence_id,
                payment_id=one.payment_id,
            )
            done += await _recorded(store, expiry)
        after = due[-1]
    return done


async def _recorded(store: Store, command: LicenceCommand) -> bool:
    outcome = await store.handle(command, WORKER)
    return bool(outcome.recorded) and not outcome.repeated
