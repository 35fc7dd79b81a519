"""Payouts of connected accounts to their owners' banks, as they are now."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar, get_args

from psycopg import Cursor

from ledger.bank_payouts.events import (
    BankPayoutArrived,
    BankPayoutBounced,
    BankPayoutCanceled,
    BankPayoutEvent,
    BankPayoutSent,
)
from ledger.bank_payouts.state import Status
from ledger.bank_payouts.stream import KIND
from ledger.message import Event, Recorded
from projections.engine.buffers import Rows, TableBuffer
from projections.engine.projection import Projection
from projections.engine.tables import Row, Table


class BankPayoutRow(Row):
    payout_id: str
    user_id: str
    account_id: str
    stripe_account_id: str
    amount_minor: int
    currency: str
    status: Status
    status_at: datetime
    """When it came to this status, by Stripe's clock."""
    sent_at: datetime
    arrival_at: datetime
    was_arrived: bool
    """Of a bounced one: it had seemed to arrive."""
    failure_code: str
    position: int
    last_position: int


BANK_PAYOUTS = Table("bank_payouts", BankPayoutRow, ("payout_id",))
_FACTS: frozenset[type[Event]] = frozenset(get_args(BankPayoutEvent))


class BankPayouts(Projection):
    NAME: ClassVar[str] = "bank_payouts"
    FACTS: ClassVar[frozenset[type[Event]] | None] = _FACTS

    def __init__(self) -> None:
        self._payouts = Rows(BANK_PAYOUTS)

    @property
    def buffers(self) -> tuple[TableBuffer, ...]:
        return (self._payouts,)

    def load(self, cursor: Cursor[Any], batch: Sequence[Recorded]) -> None:
        later = {KIND.id_of(one.stream) for one in batch if isinstance(one.event, _LATER)}
        self._payouts.load(cursor, later)

    def project(self, recorded: Recorded) -> None:
        match recorded.event:
            case BankPayoutSent() as event:
                self._payouts.put(event.payout_id, _begin(recorded, event))
            case BankPayoutArrived() | BankPayoutBounced() | BankPayoutCanceled() as event:
                row = self._payouts.change(event.payout_id)
                row.status_at = recorded.metadata.effective_at
                row.last_position = recorded.position
                _apply(row, event)
            case _:
                pass


_LATER = (BankPayoutArrived, BankPayoutBounced, BankPayoutCanceled)


def _begin(recorded: Recorded, event: BankPayoutSent) -> BankPayoutRow:
    return BankPayoutRow(
        payout_id=event.payout_id,
        user_id=event.user_id,
        account_id=event.account_id,
        stripe_account_id=event.stripe_account_id,
        amount_minor=event.amount_minor,
        currency=event.currency,
        status="in_transit",
        status_at=event.sent_at,
        sent_at=event.sent_at,
        arrival_at=event.arrival_at,
        was_arrived=False,
        failure_code="",
        position=recorded.position,
        last_position=recorded.position,
    )


def _apply(row: BankPayoutRow, event: BankPayoutArrived | BankPayoutBounced | BankPayoutCanceled) -> None:
    match event:
        case BankPayoutArrived():
            row.status, row.arrival_at = "arrived", event.arrival_at
        case BankPayoutBounced():
            row.status, row.was_arrived = "bounced", event.was_arrived
            row.failure_code = event.failure_code
        case BankPayoutCanceled():
            row.status = "canceled"
