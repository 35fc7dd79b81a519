"""Refunds as they are now; one event changes one row and tells what that means for its payment."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from ledger.message import Recorded
from ledger.payments.events import (
    RefundCanceled,
    RefundFailed,
    RefundMadeOutside,
    RefundOutcomeUnknown,
    RefundPending,
    RefundRequested,
    RefundReversed,
    RefundSettled,
    RefundSucceeded,
)
from ledger.payments.refunds import RefundStatus
from projections.engine.buffers import Rows
from projections.engine.tables import Row, Table
from projections.money_back import MoneyBack, money_back


class RefundRow(Row):
    DONE: ClassVar[str] = "succeeded"
    UNDER_WAY: ClassVar[frozenset[str]] = frozenset({"requested", "pending", "unknown"})

    refund_id: str
    payment_id: str
    stripe_refund_id: str
    amount_minor: int
    currency: str
    status: RefundStatus
    reason: str
    note: str
    failure_reason: str
    outside: bool
    """Made in Stripe's dashboard, not through this service."""
    requested_at: datetime
    position: int
    last_position: int


REFUNDS = Table("refunds", RefundRow, ("refund_id",))

RefundEvent = (
    RefundRequested
    | RefundMadeOutside
    | RefundPending
    | RefundSettled
    | RefundSucceeded
    | RefundFailed
    | RefundCanceled
    | RefundReversed
    | RefundOutcomeUnknown
)


def apply(rows: Rows[RefundRow], recorded: Recorded, event: RefundEvent) -> MoneyBack:
    """Change the refund's row. Answers by how much what is given back changed."""
    before = money_back(rows.find(event.refund_id))
    match event:
        case RefundRequested() | RefundMadeOutside():
            row = _begin(recorded, event)
            rows.put(event.refund_id, row)
        case _:
            row = rows.change(event.refund_id)
            _advance(row, event)
            row.last_position = recorded.position
    return money_back(row).since(before)


def _begin(recorded: Recorded, event: RefundRequested | RefundMadeOutside) -> RefundRow:
    outside = isinstance(event, RefundMadeOutside)
    return RefundRow(
        refund_id=event.refund_id,
        payment_id=event.payment_id,
        stripe_refund_id=event.refund_id if outside else "",
        amount_minor=event.amount_minor,
        currency=event.currency,
        status="pending" if outside else "requested",
        reason=event.reason,
        note="" if isinstance(event, RefundMadeOutside) else event.note,
        failure_reason="",
        outside=outside,
        requested_at=recorded.metadata.effective_at,
        position=recorded.position,
        last_position=recorded.position,
    )


def _advance(row: RefundRow, event: RefundEvent) -> None:
    match event:
        case RefundPending():
            row.status = "pending"
            row.stripe_refund_id = event.stripe_refund_id
        case RefundSucceeded():
            row.status = "succeeded"
            row.stripe_refund_id = event.stripe_refund_id
            row.amount_minor = event.amount_minor
        case RefundFailed():
            row.status = "failed"
            row.failure_reason = event.reason
            row.stripe_refund_id = event.stripe_refund_id or row.stripe_refund_id
        case RefundCanceled():
            row.status = "canceled"
            row.stripe_refund_id = event.stripe_refund_id or row.stripe_refund_id
        case RefundOutcomeUnknown():
            row.status = "unknown"
        case RefundSettled():
            row.stripe_refund_id = event.stripe_refund_id
        case _:
            pass  # only the books hear of money that came back
