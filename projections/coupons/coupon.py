"""The row of a coupon: its terms, and how much of it is used."""

from __future__ import annotations

from datetime import datetime

import msgspec

from ledger.coupons.events import CouponCreated
from ledger.message import Recorded
from projections.engine.tables import Row, Table


class CouponRow(Row):
    code: str
    maker: str
    percent_bp: int
    amount_minor: int
    currency: str
    starts_at: datetime | None
    ends_at: datetime | None
    max_uses: int | None
    max_uses_per_user: int | None
    minimum_price_minor: int
    scope: str
    scope_id: str
    borne_by: str
    ended_at: datetime | None
    """When its maker or an administrator ended it."""
    reserved: int
    """Uses that wait for their payment."""
    confirmed: int
    created_at: datetime
    position: int
    last_position: int


COUPONS = Table("coupons", CouponRow, ("code",))


def begin(recorded: Recorded, event: CouponCreated) -> CouponRow:
    return CouponRow(
        code=event.code,
        maker=event.user_id,
        **msgspec.structs.asdict(event.terms),
        ended_at=None,
        reserved=0,
        confirmed=0,
        created_at=recorded.metadata.effective_at,
        position=recorded.position,
        last_position=recorded.position,
    )
