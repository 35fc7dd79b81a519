"""What moved at Stripe by nothing of ours, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar, Literal, get_args

from psycopg import Cursor

from ledger import chart
from ledger.message import Event, Recorded
from ledger.unclaimed.events import (
    MovementClaimed,
    MovementExplained,
    MovementExplanationWithdrawn,
    MovementFound,
    MovementFundsAvailable,
    UnclaimedEvent,
)
from ledger.unclaimed.postings import postings
from ledger.unclaimed.treatment import BETWEEN_BALANCES
from projections.engine.buffers import Rows, TableBuffer
from projections.engine.projection import Projection
from projections.engine.tables import Row, Table

Status = Literal["unexplained", "explained", "known", "claimed"]


class UnclaimedRow(Row):
    balance_transaction_id: str
    status: Status
    """`known` by its kind, or `claimed` as it was ours."""
    kind: str
    reporting_category: str
    balance_type: str
    source_id: str
    description: str
    currency: str
    amount_minor: int
    fee_minor: int
    net_minor: int
    account: str
    """Where it is posted to, beside cash."""
    note: str
    claimed_by: str
    pending: bool
    """Its funds are in 1010 yet."""
    created_at: datetime
    available_at: datetime
    found_at: datetime
    position: int
    last_position: int


UNCLAIMED = Table("unclaimed", UnclaimedRow, ("balance_transaction_id",))


class Unclaimed(Projection):
    NAME: ClassVar[str] = "unclaimed"
    FACTS: ClassVar[frozenset[type[Event]] | None] = frozenset(get_args(UnclaimedEvent))

    def __init__(self) -> None:
        self._movements = Rows(UNCLAIMED)

    @property
    def buffers(self) -> tuple[TableBuffer, ...]:
        return (self._movements,)

    def load(self, cursor: Cursor[Any], batch: Sequence[Recorded]) -> None:
        follow = get_args(UnclaimedEvent)[1:]
        events = [recorded.event for recorded in batch if isinstance(recorded.event, follow)]
        self._movements.load(cursor, {event.balance_transaction_id for event in events})

    def project(self, recorded: Recorded) -> None:
        event = recorded.event
        if isinstance(event, MovementFound):
            row = _row(recorded, event)
            self._movements.put(row.balance_transaction_id, row)
            return
        assert isinstance(event, get_args(UnclaimedEvent))
        row = self._movements.change(event.balance_transaction_id)
        row.last_position = recorded.position
        match event:
            case MovementFundsAvailable():
                row.pending = False
            case MovementExplained():
                row.status, row.account, row.note = "explained", event.account, event.note
            case MovementExplanationWithdrawn():
                row.account, row.note = chart.UNEXPLAINED.number, ""
                row.status = _status(row.kind, row.account)
            case MovementClaimed():
                row.status, row.account, row.note = "claimed", "", ""
                row.claimed_by, row.pending = event.claimed_by, False
            case _:
                pass


def _status(kind: str, account: str) -> Status:
    """What moves between Stripe's balances is known, though it stands in 1090 until both sides are there."""
    unknown = account == chart.UNEXPLAINED.number and kind not in BETWEEN_BALANCES
    return "unexplained" if unknown else "known"


def _row(recorded: Recorded, event: MovementFound) -> UnclaimedRow:
    entry = event.balance_transaction
    return UnclaimedRow(
        balance_transaction_id=entry.balance_transaction_id,
        status=_status(event.kind, event.against),
        kind=event.kind,
        reporting_category=event.reporting_category,
        balance_type=event.balance_type,
        source_id=event.source_id,
        description=event.description,
        currency=entry.currency,
        amount_minor=entry.amount_minor,
        fee_minor=entry.fee_minor,
        net_minor=entry.net_minor,
        account=event.against,
        note="",
        claimed_by="",
        pending=any(leg.account == chart.STRIPE_PENDING.number for leg in postings(event)),
        created_at=entry.created_at,
        available_at=entry.available_at,
        found_at=recorded.recorded_at,
        position=recorded.position,
        last_position=recorded.position,
    )
