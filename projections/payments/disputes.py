"""Disputes as they are now, and what they make of their payment or invoice."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Literal

from ledger.message import Recorded
from ledger.payments.events import (
    DisputeFundsReinstated,
    DisputeFundsWithdrawn,
    DisputeLost,
    DisputeOpened,
    DisputeStatusChanged,
    DisputeWon,
)
from projections.engine.buffers import RowsByOwner
from projections.engine.tables import Row, Table


class DisputeRow(Row):
    dispute_id: str
    payment_id: str
    """The invoice's id where an invoice is disputed, as in the facts."""
    charge_id: str
    amount_minor: int
    currency: str
    """Of the charge; the two amounts below are in the currency of settlement."""
    reason: str
    status: str
    """`needs_response`, `under_review`, `won`, `lost`, and for inquiries their `warning_` twins."""
    opened_at: datetime
    evidence_due_at: datetime | None
    withdrawn_minor: int
    reinstated_minor: int
    settlement_currency: str
    position: int
    last_position: int

    @property
    def withheld_minor(self) -> int:
        """What the cardholder's bank holds, in the charge's currency; the same rule as the decider's."""
        outstanding = self.withdrawn_minor - self.reinstated_minor
        if outstanding <= 0 or (self.status == "won" and self.reinstated_minor):
            return 0
        return outstanding if self.settlement_currency == self.currency else self.amount_minor


DISPUTES = Table("disputes", DisputeRow, ("dispute_id",))

DisputeEvent = (
    DisputeOpened
    | DisputeFundsWithdrawn
    | DisputeFundsReinstated
    | DisputeStatusChanged
    | DisputeWon
    | DisputeLost
)

_OPEN = frozenset({"needs_response", "under_review"})


def standing(disputes: Iterable[DisputeRow]) -> Literal["disputed", "charged_back", "succeeded"]:
    """Status of a captured payment: an open dispute weighs more than a lost one, that more than none."""
    statuses = {dispute.status for dispute in disputes}
    if statuses & _OPEN:
        return "disputed"
    return "charged_back" if "lost" in statuses else "succeeded"


def withheld_minor(disputes: Iterable[DisputeRow]) -> int:
    return sum(dispute.withheld_minor for dispute in disputes)


def apply(rows: RowsByOwner[DisputeRow], recorded: Recorded, event: DisputeEvent) -> list[DisputeRow]:
    """Change the dispute's row and answer with all of the same payment, or invoice."""
    if isinstance(event, DisputeOpened):
        row = _open(recorded, event)
        rows.put(event.dispute_id, row)
    else:
        row = rows.change(event.dispute_id)
        _advance(row, event)
        row.last_position = recorded.position
    return rows.of(row.payment_id)


def _open(recorded: Recorded, event: DisputeOpened) -> DisputeRow:
    return DisputeRow(
        dispute_id=event.dispute_id,
        payment_id=event.payment_id,
        charge_id=event.charge_id,
        amount_minor=event.amount_minor,
        currency=event.currency,
        reason=event.reason,
        status="warning_needs_response" if event.inquiry else "needs_response",
        opened_at=event.opened_at,
        evidence_due_at=event.evidence_due_at,
        withdrawn_minor=0,
        reinstated_minor=0,
        settlement_currency="",
        position=recorded.position,
        last_position=recorded.position,
    )


def _advance(row: DisputeRow, event: DisputeEvent) -> None:
    match event:
        case DisputeFundsWithdrawn(balance_transaction=entry):
            row.withdrawn_minor -= entry.amount_minor
            row.settlement_currency = entry.currency
        case DisputeFundsReinstated(balance_transaction=entry):
            row.reinstated_minor += entry.amount_minor
            row.settlement_currency = entry.currency
        case DisputeStatusChanged(status=status):
            row.status = status
        case DisputeWon():
            row.status = "warning_closed" if row.status.startswith("warning_") else "won"
        case DisputeLost():
            row.status = "lost"
        case _:
            pass
