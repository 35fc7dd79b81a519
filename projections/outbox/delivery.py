"""The worker's part of the outbox: claim, deliver, give back, set aside.

Each function is one statement, and all times are the database's, so that workers on machines with different
clocks agree.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from psycopg import AsyncConnection

from ledger.effects import Effect
from ledger.message import Recorded
from ledger.policies import POLICIES
from projections.outbox.projection import encode, rows_of
from projections.outbox.stored import Unreadable, decode


class Key(msgspec.Struct, frozen=True, order=True):
    """Of an effect: the position of the fact that it follows from, the policy that asks for it, and its place
    among what that policy asks of that fact.
    """

    position: int
    policy: str
    effect_index: int

    def __str__(self) -> str:
        return f"{self.position}.{self.policy}.{self.effect_index}"


class Claimed(msgspec.Struct, frozen=True):
    """An effect that this worker alone may deliver until its lease runs out."""

    key: Key
    effect: Effect
    attempts: int
    """This one included."""
    lease_until: datetime


_LEISURELY = [policy.name for policy in POLICIES if policy.at_leisure]
_CLAIM = """
    WITH due AS (
        SELECT position, policy, effect_index
        FROM outbox
        WHERE delivered_at IS NULL AND parked_at IS NULL AND due_at <= clock_timestamp()
            AND (%(at_leisure)s::boolean IS NULL OR (policy = ANY(%(leisurely)s)) = %(at_leisure)s)
        ORDER BY due_at, position, policy, effect_index
        LIMIT %(limit)s
        FOR UPDATE SKIP LOCKED
    )
    UPDATE outbox AS o
    SET attempts = o.attempts + 1, due_at = clock_timestamp() + make_interval(secs => %(lease_s)s)
    FROM due
    WHERE o.position = due.position AND o.policy = due.policy AND o.effect_index = due.effect_index
    RETURNING o.position, o.policy, o.effect_index, o.effect::text, o.attempts, o.due_at
"""


async def claim(
    conn: AsyncConnection[Any], limit: int, lease_s: float, *, at_leisure: bool | None = None
) -> list[Claimed]:
    """Take up to `limit` due effects, oldest first; where `at_leisure` says so, those of such policies or of
    the others alone. One that is not finished in time is due again.

    One that this version cannot read is parked, with the reason, until a version that can takes it up again.
    """
    async with conn.cursor() as cursor:
        asked = {"limit": limit, "lease_s": lease_s, "at_leisure": at_leisure, "leisurely": _LEISURELY}
        await cursor.execute(_CLAIM, asked)
        rows = await cursor.fetchall()
    claimed = []
    for position, policy, effect_index, effect, attempts, lease_until in rows:
        key = Key(position, policy, effect_index)
        try:
            claimed.append(Claimed(key, decode(effect), attempts, lease_until))
        except Unreadable as why:
            await conn.execute(_PARK, {"error": str(why), "unreadable": True, **msgspec.structs.asdict(key)})
    return sorted(claimed, key=lambda one: one.key)


_DELIVERED = """
    UPDATE outbox AS o
    SET delivered_at = clock_timestamp(), last_error = ''
    FROM unnest(%s::bigint[], %s::text[], %s::bigint[]) AS done (position, policy, effect_index)
    WHERE o.position = done.position AND o.policy = done.policy AND o.effect_index = done.effect_index
        AND o.delivered_at IS NULL
"""


async def delivered(conn: AsyncConnection[Any], keys: Sequence[Key]) -> None:
    """Record the delivery of effects that were claimed."""
    columns = zip(*(msgspec.structs.astuple(key) for key in keys), strict=True)
    await conn.execute(_DELIVERED, [list(column) for column in columns])


_DELIVERED_EARLY = """
    INSERT INTO outbox (position, policy, effect_index, kind, effect, due_at, attempts, delivered_at)
    SELECT position, policy, effect_index, kind, effect, due_at, 1, clock_timestamp()
    FROM json_populate_recordset(NULL::outbox, %s)
    ON CONFLICT (position, policy, effect_index) DO UPDATE
    SET delivered_at = coalesce(outbox.delivered_at, excluded.delivered_at), last_error = '', parked_at = NULL
"""


async def delivered_early(conn: AsyncConnection[Any], recorded: Recorded) -> None:
    """Record that the request itself delivered all effects of a fact that are not the worker's, be they in
    the outbox yet or not.

    The request is often faster than the projection, which finds the row then and leaves it.
    """
    if rows := rows_of(recorded, at_leisure=False):
        await conn.execute(_DELIVERED_EARLY, (encode(rows).decode(),))


_RETRY = """
    UPDATE outbox
    SET due_at = %(due_at)s, last_error = %(error)s
    WHERE position = %(position)s AND policy = %(policy)s AND effect_index = %(effect_index)s
        AND delivered_at IS NULL
"""


async def retry(conn: AsyncConnection[Any], key: Key, error: str, due_at: datetime) -> None:
    """Give a claimed effect back, to be tried again from `due_at` on."""
    parameters = {"due_at": due_at, "error": error}
    await conn.execute(_RETRY, {**parameters, **msgspec.structs.asdict(key)})


_PARK = """
    UPDATE outbox
    SET parked_at = clock_timestamp(), last_error = %(error)s, unreadable = %(unreadable)s
    WHERE position = %(position)s AND policy = %(policy)s AND effect_index = %(effect_index)s
        AND delivered_at IS NULL
"""


async def park(conn: AsyncConnection[Any], key: Key, error: str) -> None:
    """Set an effect aside until an operator looks at it and uses `requeue`."""
    await conn.execute(_PARK, {"error": error, "unreadable": False, **msgspec.structs.asdict(key)})
