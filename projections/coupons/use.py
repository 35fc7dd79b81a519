"""The row of a use: of which coupon, for which enrolment, and how it stands."""

from __future__ import annotations

from datetime import datetime

from ledger.coupons.events import CouponUseReserved, UseFollowed
from ledger.coupons.state import FOLLOWED, UseStatus
from ledger.message import Recorded
from projections.engine.tables import Row, Table


class CouponUseRow(Row):
    use_id: str
    """The enrolment."""
    code: str
    status: UseStatus
    buyer_id: str
    """Empty, as all that follows from it, for one that was refused and so never reserved."""
    learner_id: str
    course_id: str
    payment_id: str
    price_minor: int
    discount_minor: int
    currency: str
    reserved_at: datetime | None
    changed_at: datetime
    position: int
    last_position: int


COUPON_USES = Table("coupon_uses", CouponUseRow, ("use_id",))


def begin(recorded: Recorded, event: CouponUseReserved) -> CouponUseRow:
    at = recorded.metadata.effective_at
    return CouponUseRow(
        use_id=event.use_id,
        code=event.code,
        status="reserved",
        buyer_id=event.buyer_id,
        learner_id=event.learner_id,
        course_id=event.course_id,
        payment_id=event.payment_id,
        price_minor=event.price_minor,
        discount_minor=event.discount_minor,
        currency=event.currency,
        reserved_at=at,
        changed_at=at,
        position=recorded.position,
        last_position=recorded.position,
    )


def begin_followed(recorded: Recorded, event: UseFollowed) -> CouponUseRow:
    """One that was refused, or is heard of before it comes."""
    return CouponUseRow(
        use_id=event.use_id,
        code=event.code,
        status=FOLLOWED[type(event)],
        buyer_id="",
        learner_id="",
        course_id="",
        payment_id="",
        price_minor=0,
        discount_minor=0,
        currency="",
        reserved_at=None,
        changed_at=recorded.metadata.effective_at,
        position=recorded.position,
        last_position=recorded.position,
    )
