"""Effects waiting for delivery, as the projection puts them here.

It only ever adds rows, by the key (position, policy, effect index), so folding again adds nothing twice and
undoes no delivery.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar

import msgspec
from psycopg import Cursor

from ledger.effects import CreatePaymentIntent, CreateRefund, Effect, kind_of
from ledger.message import Recorded
from ledger.policies import Reaction, reactions
from projections.engine.buffers import TableBuffer
from projections.engine.projection import Projection
from projections.engine.tables import Row, Table
from projections.outbox.starts import Starts, starts

GRACE = timedelta(seconds=30)
"""The request that caused these delivers them itself; the worker is the net below it. Where there was no
request, as when the worker goes on with a purchase that a crash had cut, nobody else is to be waited for.
"""
_DELIVERED_BY_REQUEST = (CreatePaymentIntent, CreateRefund)


class OutboxRow(Row):
    """What the projection knows of a row; the other columns belong to the delivery."""

    position: int
    policy: str
    effect_index: int
    kind: str
    effect: Effect
    due_at: datetime


OUTBOX: Table[OutboxRow] = Table("outbox", OutboxRow, ("position", "policy", "effect_index"))

_INSERT = """
    INSERT INTO outbox (position, policy, effect_index, kind, effect, due_at)
    SELECT position, policy, effect_index, kind, effect, due_at
    FROM json_populate_recordset(NULL::outbox, %s)
    ON CONFLICT (position, policy, effect_index) DO NOTHING
"""
encode = msgspec.json.Encoder().encode


class _Waiting:
    def __init__(self) -> None:
        self.table = OUTBOX
        self.rows: list[OutboxRow] = []

    def write(self, cursor: Cursor[Any]) -> None:
        if self.rows:
            insert(cursor, self.rows)
            self.rows.clear()

    copy = write


class Outbox(Projection):
    """What each policy asks of each fact, from where the policy starts."""

    NAME: ClassVar[str] = "outbox"
    REBUILDABLE: ClassVar[bool] = False

    def __init__(self) -> None:
        self._waiting = _Waiting()
        self._starts: Starts = {}

    @property
    def buffers(self) -> tuple[TableBuffer, ...]:
        return (self._waiting,)

    def load(self, cursor: Cursor[Any], batch: Sequence[Recorded]) -> None:
        """A policy that is new here starts with this batch."""
        self._starts = starts(cursor, batch[0].position - 1)

    def project(self, recorded: Recorded) -> None:
        self._waiting.rows += [
            row for row in rows_of(recorded) if row.position > self._starts.get(row.policy, 0)
        ]


def rows_of(recorded: Recorded, *, at_leisure: bool = True) -> list[OutboxRow]:
    """What all policies ask, wherever they start; see `reactions`."""
    return [row_of(recorded, reaction) for reaction in reactions(recorded, at_leisure=at_leisure)]


def row_of(recorded: Recorded, reaction: Reaction) -> OutboxRow:
    from_request = bool(recorded.metadata.correlation_id)
    by_request = from_request and isinstance(reaction.effect, _DELIVERED_BY_REQUEST)
    return OutboxRow(
        position=recorded.position,
        policy=reaction.policy,
        effect_index=reaction.index,
        kind=kind_of(reaction.effect),
        effect=reaction.effect,
        due_at=recorded.recorded_at + (GRACE if by_request else timedelta()),
    )


def insert(cursor: Cursor[Any], rows: Sequence[OutboxRow]) -> int:
    """Those that are not there yet; how many."""
    cursor.execute(_INSERT, (encode(rows).decode(),))
    return cursor.rowcount
