"""The row of a recall: the reversal of a transfer, from when it is asked for to Stripe's answer."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from ledger.earnings.events import RecallOutcomeUnknown, RecallRefused, RecallRequested, TransferReversed
from ledger.earnings.state import RecallStatus
from ledger.message import Recorded
from projections.engine.tables import Row, Table


class PayoutRecallRow(Row):
    recall_id: str
    payout_id: str
    user_id: str
    currency: str
    transfer_id: str
    amount_minor: int
    status: Literal[RecallStatus, "refused", "reversed"]
    code: str
    """Why it was refused or is unknown; empty otherwise."""
    cause: str
    """The kind of what took it back, or `asked`."""
    cause_position: int
    """Of that fact; 0 where somebody asked."""
    reversal_id: str
    """Stripe's; empty while there is none."""
    requested_at: datetime
    ended_at: datetime | None
    position: int
    last_position: int


PAYOUT_RECALLS = Table("payout_recalls", PayoutRecallRow, ("recall_id",))


def begin(recorded: Recorded, event: RecallRequested) -> PayoutRecallRow:
    return PayoutRecallRow(
        recall_id=event.recall_id,
        payout_id=event.payout_id,
        user_id=event.user_id,
        currency=event.currency,
        transfer_id=event.transfer_id,
        amount_minor=event.amount_minor,
        status="requested",
        code="",
        cause=event.cause,
        cause_position=event.cause_position,
        reversal_id="",
        requested_at=event.requested_at,
        ended_at=None,
        position=recorded.position,
        last_position=recorded.position,
    )


def answer(
    row: PayoutRecallRow, recorded: Recorded, event: RecallOutcomeUnknown | RecallRefused | TransferReversed
) -> None:
    row.last_position = recorded.position
    match event:
        case RecallOutcomeUnknown():
            row.status, row.code = "unknown", event.cause
            return
        case RecallRefused():
            row.status, row.code = "refused", event.code
        case TransferReversed():
            row.status, row.code, row.reversal_id = "reversed", "", event.reversal_id
    row.ended_at = recorded.metadata.effective_at
