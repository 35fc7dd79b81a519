"""The row of what is available and is not paid: why, and since when."""

from __future__ import annotations

from datetime import datetime

from ledger.earnings.events import PayoutWithheld
from ledger.message import Recorded
from projections.engine.tables import Row, Table


class PayoutWithheldRow(Row):
    stream: str
    user_id: str
    currency: str
    reason: str
    detail: str
    """For the instructor, in words."""
    amount_minor: int
    """What was available then."""
    withheld_at: datetime
    position: int


PAYOUTS_WITHHELD = Table("payouts_withheld", PayoutWithheldRow, ("stream",))


def begin(recorded: Recorded, event: PayoutWithheld) -> PayoutWithheldRow:
    return PayoutWithheldRow(
        stream=recorded.stream,
        user_id=event.user_id,
        currency=event.currency,
        reason=event.reason,
        detail=event.detail,
        amount_minor=event.amount_minor,
        withheld_at=recorded.metadata.effective_at,
        position=recorded.position,
    )
