"""Payouts to the platform's bank account, as they are now."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar, get_args

from psycopg import Cursor

from ledger.message import Event, Recorded
from ledger.payouts.events import PayoutEvent, PayoutFailed, PayoutInitiated, PayoutPaid
from projections.engine.buffers import Rows, TableBuffer
from projections.engine.projection import Projection
from projections.engine.tables import Row, Table


class PayoutRow(Row):
    payout_id: str
    amount_minor: int
    currency: str
    status: str
    """`in_transit`, `paid` or `failed`."""
    arrival_at: datetime
    position: int
    last_position: int


PAYOUTS = Table("payouts", PayoutRow, ("payout_id",))


class Payouts(Projection):
    NAME: ClassVar[str] = "payouts"
    FACTS: ClassVar[frozenset[type[Event]] | None] = frozenset(get_args(PayoutEvent))

    def __init__(self) -> None:
        self._payouts = Rows(PAYOUTS)

    @property
    def buffers(self) -> tuple[TableBuffer, ...]:
        return (self._payouts,)

    def load(self, cursor: Cursor[Any], batch: Sequence[Recorded]) -> None:
        events = [recorded.event for recorded in batch]
        self._payouts.load(
            cursor, {event.payout_id for event in events if isinstance(event, PayoutPaid | PayoutFailed)}
        )

    def project(self, recorded: Recorded) -> None:
        match recorded.event:
            case PayoutInitiated() as event:
                self._payouts.put(
                    event.payout_id,
                    PayoutRow(
                        payout_id=event.payout_id,
                        amount_minor=event.amount_minor,
                        currency=event.currency,
                        status="in_transit",
                        arrival_at=event.arrival_at,
                        position=recorded.position,
                        last_position=recorded.position,
                    ),
                )
            case PayoutPaid(payout_id=payout_id):
                self._move(payout_id, "paid", recorded.position)
            case PayoutFailed(payout_id=payout_id):
                self._move(payout_id, "failed", recorded.position)
            case _:
                pass

    def _move(self, payout_id: str, status: str, position: int) -> None:
        row = self._payouts.change(payout_id)
        row.status = status
        row.last_position = position
