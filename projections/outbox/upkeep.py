"""What is done about the outbox besides delivering: looking, requeueing, pruning."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

import msgspec
from psycopg import AsyncConnection
from psycopg.rows import class_row

from projections.outbox.delivery import Key
from projections.outbox.projection import Outbox
from projections.outbox.stored import Unreadable, decode

_REQUEUE = """
    UPDATE outbox
    SET parked_at = NULL, unreadable = false, attempts = 0, due_at = clock_timestamp()
    WHERE position = %(position)s AND policy = %(policy)s AND effect_index = %(effect_index)s
        AND parked_at IS NOT NULL AND delivered_at IS NULL
"""


async def requeue(conn: AsyncConnection[Any], key: Key) -> bool:
    """Make a parked effect due at once, with all its tries again. False when it is not parked."""
    cursor = await conn.execute(_REQUEUE, msgspec.structs.asdict(key))
    return cursor.rowcount == 1


class Depth(msgspec.Struct, frozen=True):
    """How full the outbox is."""

    waiting: int
    """Neither delivered nor parked, claimed ones and ones not yet due included."""
    parked: int
    oldest_overdue_s: float
    """How long the effect that has waited longest has been due; 0 when none is."""


# Each part has an index of its own; what was delivered, nearly all of the table, is not looked at.
_DEPTH = """
    SELECT waiting, parked, greatest(0, overdue_s)::double precision AS oldest_overdue_s
    FROM (
        SELECT count(*) AS waiting, extract(epoch FROM clock_timestamp() - min(due_at)) AS overdue_s
        FROM outbox
        WHERE delivered_at IS NULL AND parked_at IS NULL
    ) AS open, (
        SELECT count(*) AS parked
        FROM outbox
        WHERE delivered_at IS NULL AND parked_at IS NOT NULL
    ) AS aside
"""


async def depth(conn: AsyncConnection[Any]) -> Depth:
    """How much waits in the outbox, for readiness and metrics."""
    async with conn.cursor(row_factory=class_row(Depth)) as cursor:
        await cursor.execute(_DEPTH)
        found = await cursor.fetchone()
    assert found is not None
    return found


async def oldest_overdue(conn: AsyncConnection[Any]) -> float:
    """Seconds by which the effect that has waited longest is overdue; 0 when none is."""
    return (await depth(conn)).oldest_overdue_s


class Parked(msgspec.Struct, frozen=True):
    """An effect that an operator should look at."""

    position: int
    policy: str
    effect_index: int
    kind: str
    effect: dict[str, Any]
    """As it is stored: one that this version cannot read is shown too."""
    attempts: int
    last_error: str
    parked_at: datetime

    @property
    def key(self) -> Key:
        return Key(self.position, self.policy, self.effect_index)


_PARKED = """
    SELECT position, policy, effect_index, kind, effect::text, attempts, last_error, parked_at
    FROM outbox
    WHERE parked_at IS NOT NULL AND delivered_at IS NULL
    ORDER BY parked_at
    LIMIT %s
"""


async def parked(conn: AsyncConnection[Any], limit: int = 100) -> list[Parked]:
    """The longest parked first."""
    cursor = await conn.execute(_PARKED, (limit,))
    rows = await cursor.fetchall()
    return [Parked(*(*row[:4], msgspec.json.decode(row[4]), *row[5:])) for row in rows]


async def requeue_about(conn: AsyncConnection[Any], ids: Collection[str], limit: int = 10_000) -> list[Key]:
    """Have what is parked about one of `ids`, ours or Stripe's, tried again; which."""
    about = [one.key for one in await parked(conn, limit) if not set(ids).isdisjoint(_texts(one.effect))]
    return [key for key in about if await requeue(conn, key)]


def _texts(effect: dict[str, Any]) -> list[str]:
    return [value for value in effect.values() if isinstance(value, str) and value]


_UNREADABLE = """
    SELECT position, policy, effect_index, effect::text
    FROM outbox
    WHERE unreadable AND parked_at IS NOT NULL AND delivered_at IS NULL
    ORDER BY position, policy, effect_index
    LIMIT %s
"""


async def take_up_unreadable(conn: AsyncConnection[Any], limit: int = 1_000) -> int:
    """Make due again what another version had to park and this one can read; how many."""
    rows = await (await conn.execute(_UNREADABLE, (limit,))).fetchall()
    return sum([await requeue(conn, Key(*key)) for *key, effect in rows if _is_readable(effect)])


def _is_readable(effect: str) -> bool:
    try:
        decode(effect)
    except Unreadable:
        return False
    return True


PRUNE_BATCH = 5_000

# Above the projection's own position nothing is deleted: what is folded again would be delivered again.
_PRUNE = """
    WITH looked_at AS (
        SELECT position, policy, effect_index, delivered_at,
            delivered_at < clock_timestamp() - make_interval(days => %(days)s) AS old
        FROM outbox
        WHERE (position, policy, effect_index) > (%(position)s, %(policy)s, %(effect_index)s)
            AND position <= (SELECT notification_id FROM positions WHERE application_name = %(projection)s)
        ORDER BY position, policy, effect_index
        LIMIT %(limit)s
    ), gone AS (
        DELETE FROM outbox AS o
        USING looked_at AS l
        WHERE l.old AND o.position = l.position AND o.policy = l.policy AND o.effect_index = l.effect_index
        RETURNING 1
    )
    SELECT position, policy, effect_index, (SELECT count(*) FROM gone),
        (SELECT count(*) FROM looked_at WHERE delivered_at IS NOT NULL)
    FROM looked_at
    ORDER BY position DESC, policy DESC, effect_index DESC
    LIMIT 1
"""


async def prune(conn: AsyncConnection[Any], days: int, *, batch: int = PRUNE_BATCH) -> int:
    """Delete what was delivered more than `days` ago, `batch` rows at a time. Answers how many.

    It walks from the oldest fact on and ends at a batch in which all deliveries are younger: deliveries
    follow the order of facts well enough, and what came late goes when its turn has come.
    """
    last, pruned = Key(0, "", -1), 0
    while True:
        arguments = {"days": days, "limit": batch, "projection": Outbox.NAME, **msgspec.structs.asdict(last)}
        found = await (await conn.execute(_PRUNE, arguments)).fetchone()
        if found is None:
            return pruned
        *key, gone, was_delivered = found
        if was_delivered and not gone:
            return pruned
        last, pruned = Key(*key), pruned + gone
