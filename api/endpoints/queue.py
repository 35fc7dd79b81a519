"""Deliveries that are due: claimed for a while, and what became of them.

What is claimed is nobody else's for `LEASE_S`, which is longer than a delivery may take. An endpoint has a
few under way at most, and one alone while it fails or wants its events in order, so that none takes the room
of others.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
from psycopg import AsyncConnection

from api.endpoints.schedule import Answer, Next
from api.endpoints.transport import TIMEOUT_S
from ledger.endpoints.state import SecretName
from projections.public_events import PublicEventRow

LEASE_S = 3 * TIMEOUT_S
AT_ONCE = 16
"""Under way to one endpoint, by all processes together."""

_ENDPOINT: Final = (
    "t.endpoint_id, t.url, t.payload, t.serial, t.key_id, t.old_serial, t.old_key_id, t.old_until"
)
_EVENT: Final = (
    "e.position, e.event_id, e.type, e.version, e.object_id, e.org_id, e.effective_at, e.recorded_at, e.data"
)
_CLAIM: Final = f"""
    WITH queue AS (
        SELECT q.endpoint_id, q.failing_since IS NOT NULL AS failing, t.ordered
        FROM delivery_queues AS q
        JOIN endpoints AS t USING (endpoint_id)
        WHERE t.disabled = '' AND t.deleted_at IS NULL
            AND EXISTS (
                SELECT FROM deliveries AS d
                WHERE d.endpoint_id = q.endpoint_id AND d.state = 'pending' AND d.due_at <= %(now)s
                    AND (d.lease_until IS NULL OR d.lease_until <= %(now)s)
            )
        FOR UPDATE OF q SKIP LOCKED
    ),
    due AS (
        SELECT d.endpoint_id, d.position
        FROM queue AS q
        CROSS JOIN LATERAL (
            SELECT o.endpoint_id, o.position, o.due_at
            FROM deliveries AS o
            WHERE o.endpoint_id = q.endpoint_id AND o.state = 'pending' AND o.due_at <= %(now)s
                AND (o.lease_until IS NULL OR o.lease_until <= %(now)s)
                AND (
                    NOT q.ordered OR o.position = (
                        SELECT min(first.position)
                        FROM deliveries AS first
                        WHERE first.endpoint_id = q.endpoint_id AND first.state = 'pending'
                    )
                )
            ORDER BY o.due_at, o.position
            LIMIT GREATEST(0,
                CASE WHEN q.ordered OR q.failing THEN 1 ELSE %(at_once)s END - (
                    SELECT count(*)
                    FROM deliveries AS under_way
                    WHERE under_way.endpoint_id = q.endpoint_id AND under_way.lease_until > %(now)s
                ))
        ) AS d
        ORDER BY d.due_at, d.position, d.endpoint_id
        LIMIT %(room)s
    ),
    claimed AS (
        UPDATE deliveries AS d
        SET lease_until = %(lease_until)s, attempts = d.attempts + 1
        FROM due
        WHERE d.endpoint_id = due.endpoint_id AND d.position = due.position
        RETURNING d.endpoint_id, d.position, d.attempts
    )
    SELECT c.attempts, {_ENDPOINT}, {_EVENT}
    FROM claimed AS c
    JOIN endpoints AS t ON t.endpoint_id = c.endpoint_id
    JOIN public_events AS e ON e.position = c.position
    ORDER BY e.position, t.endpoint_id
"""  # noqa: S608  # our own columns
_SETTLE: Final = """
    WITH told AS (
        SELECT *
        FROM unnest(%(endpoints)s::text[], %(positions)s::bigint[], %(states)s::text[],
            %(dues)s::timestamptz[], %(statuses)s::integer[], %(faults)s::text[], %(ats)s::timestamptz[],
            %(tooks)s::integer[]) AS t (endpoint_id, position, state, due_at, status, fault, at, took_ms) ),
            attempted AS ( INSERT INTO delivery_attempts (endpoint_id, position, attempted_at, status, fault,
            took_ms) SELECT endpoint_id, position, at, status, fault, took_ms FROM told ), settled AS ( UPDATE
            deliveries AS d SET state = told.state, due_at = COALESCE(told.due_at, d.due_at), lease_until =
            NULL, last_status = told.status, last_fault = told.fault, last_attempt_at = told.at, delivered_at
            = CASE WHEN told.state = 'delivered' THEN told.at END FROM told WHERE d.endpoint_id =
            told.endpoint_id AND d.position = told.position AND d.state = 'pending' ) UPDATE delivery_queues
            AS q SET failing_since = CASE WHEN of.taken THEN NULL ELSE COALESCE(q.failing_since, of.at) END
            FROM ( SELECT endpoint_id, bool_or(fault = '') AS taken, min(at) AS at FROM told GROUP BY
            endpoint_id ) AS of WHERE q.endpoint_id = of.endpoint_id AND (of.taken <> (q.failing_since IS
            NULL)) RETURNING q.endpoint_id
"""
_FORGIVE: Final = "UPDATE delivery_queues SET failing_since = NULL WHERE endpoint_id = %s"
_PRUNE: Final = """
    DELETE FROM deliveries AS d
    WHERE (d.state = 'delivered' AND d.delivered_at < %s)
        OR (d.state = 'parked' AND d.last_attempt_at < %s)
        OR EXISTS (
            SELECT FROM endpoints AS t WHERE t.endpoint_id = d.endpoint_id AND t.deleted_at IS NOT NULL
        )
"""
_PRUNE_ATTEMPTS: Final = "DELETE FROM delivery_attempts WHERE attempted_at < %s"
_FAILING: Final = "SELECT endpoint_id, failing_since FROM delivery_queues WHERE endpoint_id = ANY(%s)"


class Target(msgspec.Struct, frozen=True):
    """An endpoint as far as a delivery needs it."""

    endpoint_id: str
    url: str
    payload: str
    serial: int
    key_id: str
    old_serial: int
    old_key_id: str
    old_until: datetime | None

    def secrets(self, now: datetime) -> tuple[SecretName, ...]:
        """The newest first; two while the old one holds."""
        secret = SecretName(self.serial, self.key_id)
        if self.old_until is None or self.old_until <= now:
            return (secret,)
        return (secret, SecretName(self.old_serial, self.old_key_id))


class Claimed(msgspec.Struct, frozen=True):
    attempts: int
    """With the one to be made."""
    target: Target
    event: PublicEventRow


class Settled(msgspec.Struct, frozen=True):
    """What became of one attempt."""

    endpoint_id: str
    position: int
    at: datetime
    answer: Answer
    next: Next


async def claim(connection: AsyncConnection, now: datetime, room: int) -> list[Claimed]:
    """At most `room` that are due, each with its attempt counted."""
    found = await connection.execute(
        _CLAIM,
        {"now": now, "room": room, "at_once": AT_ONCE, "lease_until": now + timedelta(seconds=LEASE_S)},
    )
    width = len(Target.__struct_fields__)
    return [
        Claimed(attempts, Target(*rest[:width]), PublicEventRow(*rest[width:]))
        for attempts, *rest in await found.fetchall()
    ]


async def settle(connection: AsyncConnection, settled: Sequence[Settled]) -> None:
    await connection.execute(
        _SETTLE,
        {
            "endpoints": [one.endpoint_id for one in settled],
            "positions": [one.position for one in settled],
            "states": [one.next.state for one in settled],
            "dues": [one.next.due_at for one in settled],
            "statuses": [one.answer.status for one in settled],
            "faults": [one.answer.fault for one in settled],
            "ats": [one.at for one in settled],
            "tooks": [one.answer.took_ms for one in settled],
        },
    )


async def forgive(connection: AsyncConnection, endpoint_id: str) -> None:
    """Of one that is disabled: when it is enabled again, it has all its time again."""
    await connection.execute(_FORGIVE, (endpoint_id,))


async def prune(connection: AsyncConnection, before: datetime) -> int:
    """What was delivered or given up by then, and all of endpoints that are gone; how many deliveries."""
    done = (await connection.execute(_PRUNE, (before, before))).rowcount
    await connection.execute(_PRUNE_ATTEMPTS, (before,))
    return done


async def failing_since(connection: AsyncConnection, endpoint_ids: Sequence[str]) -> dict[str, Any]:
    """Of those that fail, since when."""
    found = await (await connection.execute(_FAILING, (list(endpoint_ids),))).fetchall()
    return {endpoint_id: since for endpoint_id, since in found if since is not None}
