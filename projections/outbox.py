"""Effects waiting for delivery: put here by the fold, delivered by the worker.

The fold only ever adds rows, by the key (position, effect index), so folding again adds nothing twice and
undoes no delivery. The functions below it are the worker's; each is one statement, and all times are the
database's, so that workers on machines with different clocks agree.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar

import msgspec
from psycopg import AsyncConnection, Cursor
from psycopg.rows import class_row

from ledger.message import Recorded
from ledger.policies import react
from ledger.policies.effects import CreatePaymentIntent, CreateRefund, Effect
from projections.fold import Fold
from projections.sheets import Row, Sheet, Table

GRACE = timedelta(seconds=30)
"""The request that caused these delivers them itself; the worker is the net below it."""
_DELIVERED_BY_REQUEST = (CreatePaymentIntent, CreateRefund)


class OutboxRow(Row):
    """What the fold knows of a row; the other columns belong to the delivery."""

    position: int
    effect_index: int
    kind: str
    effect: Effect
    due_at: datetime


OUTBOX: Table[OutboxRow] = Table("outbox", OutboxRow, ("position", "effect_index"))

_INSERT = """
    INSERT INTO outbox (position, effect_index, kind, effect, due_at)
    SELECT position, effect_index, kind, effect, due_at
    FROM json_populate_recordset(NULL::outbox, %s)
    ON CONFLICT (position, effect_index) DO NOTHING
"""
_encode = msgspec.json.Encoder().encode


class _Waiting:
    def __init__(self) -> None:
        self.table = OUTBOX
        self.rows: list[OutboxRow] = []

    def write(self, cursor: Cursor[Any]) -> None:
        if self.rows:
            cursor.execute(_INSERT, (_encode(self.rows).decode(),))
            self.rows.clear()

    copy = write


class Outbox(Fold):
    NAME: ClassVar[str] = "outbox"
    REBUILDABLE: ClassVar[bool] = False

    def __init__(self) -> None:
        self._waiting = _Waiting()

    @property
    def sheets(self) -> tuple[Sheet, ...]:
        return (self._waiting,)

    def take(self, recorded: Recorded) -> None:
        self._waiting.rows += rows_of(recorded)


def rows_of(recorded: Recorded) -> list[OutboxRow]:
    return [
        OutboxRow(
            position=recorded.position,
            effect_index=index,
            kind=type(effect).__name__,
            effect=effect,
            due_at=recorded.recorded_at
            + (GRACE if isinstance(effect, _DELIVERED_BY_REQUEST) else timedelta()),
        )
        for index, effect in enumerate(react(recorded))
    ]


class Key(msgspec.Struct, frozen=True):
    """Of an effect: the position of the fact that it follows from, and its place among its effects."""

    position: int
    effect_index: int


class Claimed(msgspec.Struct, frozen=True):
    """An effect that this worker alone may deliver until its lease runs out."""

    key: Key
    effect: Effect
    attempts: int
    """This one included."""
    lease_until: datetime


_CLAIM = """
    WITH due AS (
        SELECT position, effect_index
        FROM outbox
        WHERE delivered_at IS NULL AND parked_at IS NULL AND due_at <= clock_timestamp()
        ORDER BY due_at, position, effect_index
        LIMIT %(limit)s
        FOR UPDATE SKIP LOCKED
    )
    UPDATE outbox AS o
    SET attempts = o.attempts + 1, due_at = clock_timestamp() + make_interval(secs => %(lease_s)s)
    FROM due
    WHERE o.position = due.position AND o.effect_index = due.effect_index
    RETURNING o.position, o.effect_index, o.effect::text, o.attempts, o.due_at
"""
_decode = msgspec.json.Decoder(Effect).decode


async def claim(conn: AsyncConnection[Any], limit: int, lease_s: float) -> list[Claimed]:
    """Take up to `limit` due effects, oldest first. One that is not finished in time is due again.

    One that this version does not know waits for a newer worker until the lease ends, and says so.
    """
    async with conn.cursor() as cursor:
        await cursor.execute(_CLAIM, {"limit": limit, "lease_s": lease_s})
        rows = await cursor.fetchall()
    claimed = []
    for position, effect_index, effect, attempts, lease_until in rows:
        key = Key(position, effect_index)
        try:
            claimed.append(Claimed(key, _decode(effect), attempts, lease_until))
        except msgspec.ValidationError as error:
            await retry(conn, key, f"this version cannot read it: {error}", lease_until)
    return sorted(claimed, key=lambda one: (one.key.position, one.key.effect_index))


_DELIVERED = """
    UPDATE outbox AS o
    SET delivered_at = clock_timestamp(), last_error = ''
    FROM unnest(%s::bigint[], %s::bigint[]) AS done (position, effect_index)
    WHERE o.position = done.position AND o.effect_index = done.effect_index AND o.delivered_at IS NULL
"""


async def delivered(conn: AsyncConnection[Any], keys: Sequence[Key]) -> None:
    """Record the delivery of effects that were claimed."""
    await conn.execute(_DELIVERED, ([key.position for key in keys], [key.effect_index for key in keys]))


_DELIVERED_EARLY = """
    INSERT INTO outbox (position, effect_index, kind, effect, due_at, attempts, delivered_at)
    SELECT position, effect_index, kind, effect, due_at, 1, clock_timestamp()
    FROM json_populate_recordset(NULL::outbox, %s)
    ON CONFLICT (position, effect_index) DO UPDATE
    SET delivered_at = coalesce(outbox.delivered_at, excluded.delivered_at), last_error = '', parked_at = NULL
"""


async def delivered_early(conn: AsyncConnection[Any], recorded: Recorded) -> None:
    """Record that the request itself delivered all effects of a fact, be they in the outbox yet or not.

    The request is often faster than the fold, which finds the row then and leaves it.
    """
    if rows := rows_of(recorded):
        await conn.execute(_DELIVERED_EARLY, (_encode(rows).decode(),))


_RETRY = """
    UPDATE outbox
    SET due_at = %(due_at)s, last_error = %(error)s
    WHERE position = %(position)s AND effect_index = %(effect_index)s AND delivered_at IS NULL
"""


async def retry(conn: AsyncConnection[Any], key: Key, error: str, due_at: datetime) -> None:
    """Give a claimed effect back, to be tried again from `due_at` on."""
    parameters = {"due_at": due_at, "error": error}
    await conn.execute(_RETRY, {**parameters, **msgspec.structs.asdict(key)})


_PARK = """
    UPDATE outbox
    SET parked_at = clock_timestamp(), last_error = %(error)s
    WHERE position = %(position)s AND effect_index = %(effect_index)s AND delivered_at IS NULL
"""


async def park(conn: AsyncConnection[Any], key: Key, error: str) -> None:
    """Set an effect aside until an operator looks at it and uses `requeue`."""
    await conn.execute(_PARK, {"error": error, **msgspec.structs.asdict(key)})


_REQUEUE = """
    UPDATE outbox
    SET parked_at = NULL, attempts = 0, due_at = clock_timestamp()
    WHERE position = %(position)s AND effect_index = %(effect_index)s
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
    """For readiness and metrics."""
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
    effect_index: int
    kind: str
    effect: dict[str, Any]
    """As it is stored: one that this version cannot read is shown too."""
    attempts: int
    last_error: str
    parked_at: datetime


_PARKED = """
    SELECT position, effect_index, kind, effect::text, attempts, last_error, parked_at
    FROM outbox
    WHERE parked_at IS NOT NULL AND delivered_at IS NULL
    ORDER BY parked_at
    LIMIT %s
"""


async def parked(conn: AsyncConnection[Any], limit: int = 100) -> list[Parked]:
    """The longest parked first."""
    cursor = await conn.execute(_PARKED, (limit,))
    rows = await cursor.fetchall()
    return [Parked(row[0], row[1], row[2], msgspec.json.decode(row[3]), *row[4:]) for row in rows]


PRUNE_BATCH = 5_000

# Above the fold's own position nothing is deleted: what is folded again would be delivered again.
_PRUNE = """
    WITH looked_at AS (
        SELECT position, effect_index, delivered_at,
            delivered_at < clock_timestamp() - make_interval(days => %(days)s) AS old
        FROM outbox
        WHERE (position, effect_index) > (%(position)s, %(effect_index)s)
            AND position <= (SELECT notification_id FROM positions WHERE application_name = %(fold)s)
        ORDER BY position, effect_index
        LIMIT %(limit)s
    ), gone AS (
        DELETE FROM outbox AS o
        USING looked_at AS l
        WHERE l.old AND o.position = l.position AND o.effect_index = l.effect_index
        RETURNING 1
    )
    SELECT position, effect_index, (SELECT count(*) FROM gone),
        (SELECT count(*) FROM looked_at WHERE delivered_at IS NOT NULL)
    FROM looked_at
    ORDER BY position DESC, effect_index DESC
    LIMIT 1
"""


async def prune(conn: AsyncConnection[Any], days: int, *, batch: int = PRUNE_BATCH) -> int:
    """Delete what was delivered more than `days` ago, `batch` rows at a time. Answers how many.

    It walks from the oldest fact on and ends at a batch in which all deliveries are younger: deliveries
    follow the order of facts well enough, and what came late goes when its turn has come.
    """
    last, pruned = Key(0, -1), 0
    while True:
        arguments = {"days": days, "limit": batch, "fold": Outbox.NAME, **msgspec.structs.asdict(last)}
        found = await (await conn.execute(_PRUNE, arguments)).fetchone()
        if found is None:
            return pruned
        position, effect_index, gone, was_delivered = found
        if was_delivered and not gone:
            return pruned
        last, pruned = Key(position, effect_index), pruned + gone
