"""Courses that are held longer than they may be, as time goes by."""

from __future__ import annotations

from psycopg import AsyncConnection

from api.clock import Clock
from ledger.enrolments.commands import ExpireReservation
from ledger.message import Origin
from ledger.store import Store
from projections.queries.due import reservations_due

BATCH = 200
_ORIGIN = Origin(actor="worker", roles=frozenset({"system"}), causation_id="reservations")


async def expire_reservations(conn: AsyncConnection, store: Store, clock: Clock) -> int:
    """Ask for the end of what is due by `clock`; answers how many. The outbox has their payments canceled.

    Each attempt is an enrolment id of its own, so that a table that lags asks for none twice.
    """
    count, after = 0, None
    while due := await reservations_due(conn, clock.now(), BATCH, after=after):
        for one in due:
            command = ExpireReservation(
                command_id=f"expire_reservation:{one.enrolment_id}",
                effective_at=clock.now(),
                course_id=one.course_id,
                learner_id=one.learner_id,
                enrolment_id=one.enrolment_id,
            )
            outcome = await store.handle(command, _ORIGIN)
            count += bool(outcome.recorded) and not outcome.repeated
        after = due[-1]
    return count
