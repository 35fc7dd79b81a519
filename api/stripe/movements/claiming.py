"""What was nobody's and is ours after all: a fact of ours posts the same balance transaction, so that the
entry of an unclaimed movement is taken back. Also what that movement's own time brings: its hold ends.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from psycopg import AsyncConnection
from psycopg.rows import class_row

from api.clock import Clock
from ledger.message import Origin
from ledger.store import Store
from ledger.unclaimed.commands import ClaimMovement, RecordMovementFundsAvailable
from ledger.unclaimed.stream import stream_of

BATCH = 500

_ORIGIN = Origin(actor="worker", roles=frozenset({"system"}), causation_id="balance_swept")

_SEEN = """
    SELECT coalesce(min(notification_id), 0)
    FROM positions
    WHERE application_name IN ('journal', 'unclaimed')
"""
# entries that came since, of what had been found; and what was found since, of what had an entry
_TWICE = """
    SELECT m.balance_transaction_id, m.created_at, e.stream
    FROM entries AS e
    JOIN unclaimed AS m ON m.balance_transaction_id = e.source
    WHERE e.position > %(after)s AND e.stream <> %(own)s || e.source AND m.status <> 'claimed'
    UNION
    SELECT m.balance_transaction_id, m.created_at, e.stream
    FROM unclaimed AS m
    JOIN entries AS e ON e.source = m.balance_transaction_id
    WHERE m.position > %(after)s AND e.stream <> %(own)s || e.source AND m.status <> 'claimed'
"""
_DUE = """
    SELECT balance_transaction_id, available_at
    FROM unclaimed
    WHERE pending AND available_at <= %s
    ORDER BY available_at, balance_transaction_id
    LIMIT %s
"""


class _Twice(msgspec.Struct, frozen=True):
    balance_transaction_id: str
    created_at: datetime
    stream: str


class Claims:
    """For the worker: all at its start, then what is new in the tables. Answers how many were taken back."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._after = 0

    async def __call__(self, conn: AsyncConnection[Any]) -> int:
        [(seen,)] = await (await conn.execute(_SEEN)).fetchall()
        async with conn.cursor(row_factory=class_row(_Twice)) as cursor:
            await cursor.execute(_TWICE, {"after": self._after, "own": stream_of("")})
            found = await cursor.fetchall()
        claimed = [await self._claim(one) for one in found]
        self._after = seen
        return sum(claimed)

    async def _claim(self, one: _Twice) -> bool:
        """Dated as what it takes back, so that cash is right on every day."""
        command = ClaimMovement(
            command_id=f"claimed:{one.balance_transaction_id}",
            effective_at=one.created_at,
            balance_transaction_id=one.balance_transaction_id,
            claimed_by=one.stream,
        )
        outcome = await self._store.handle(command, _ORIGIN)
        return bool(outcome.recorded) and not outcome.repeated


async def record_movement_funds(conn: AsyncConnection[Any], store: Store, clock: Clock) -> int:
    """Each hold that is over, dated by its end. The tables may lag: the command's id makes that a repeat."""
    found = await (await conn.execute(_DUE, (clock.now(), BATCH))).fetchall()
    count = 0
    for balance_transaction_id, available_at in found:
        command = RecordMovementFundsAvailable(
            command_id=f"funds:{balance_transaction_id}",
            effective_at=available_at,
            balance_transaction_id=balance_transaction_id,
        )
        outcome = await store.handle(command, _ORIGIN)
        count += bool(outcome.recorded) and not outcome.repeated
    return count
