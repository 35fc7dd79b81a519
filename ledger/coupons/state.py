"""What is remembered of a coupon to decide on it. `evolve` takes any history and never fails."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal, assert_never

from msgspec import Struct
from msgspec.structs import replace

from ledger.coupons.events import (
    CouponCreated,
    CouponEndedEarly,
    CouponEvent,
    CouponUseConfirmed,
    CouponUseReinstated,
    CouponUseReleased,
    CouponUseReserved,
    CouponUseReturned,
    UseFollowed,
)
from ledger.coupons.terms import Terms
from ledger.persistent import PersistentMap

UseStatus = Literal["reserved", "confirmed", "released", "returned"]
LIVE: frozenset[UseStatus] = frozenset({"reserved", "confirmed"})
"""What counts against the maximum."""

FOLLOWED: Mapping[type[UseFollowed], UseStatus] = {
    CouponUseConfirmed: "confirmed",
    CouponUseReleased: "released",
    CouponUseReturned: "returned",
    CouponUseReinstated: "confirmed",
}


class Use(Struct, frozen=True, gc=False):
    status: UseStatus
    buyer_id: str = ""
    """Empty for one that was never reserved here."""
    as_of: int = 0
    """The version of the enrolment's stream that is followed here."""
    held_until: datetime | None = None
    """While it is reserved, where it is known."""


class Coupon(Struct, frozen=True):
    maker: str = ""
    terms: Terms | None = None
    """None before it is made."""
    ended: bool = False
    uses: PersistentMap[Use] = PersistentMap()
    """By enrolment."""
    live: int = 0
    """How many of the uses are."""
    live_of: PersistentMap[int] = PersistentMap()
    """The same by buyer."""


def evolve(coupon: Coupon, event: CouponEvent) -> Coupon:
    match event:
        case CouponCreated():
            return replace(coupon, maker=event.user_id, terms=event.terms)
        case CouponEndedEarly():
            return replace(coupon, ended=True)
        case CouponUseReserved():
            return _put(coupon, event.use_id, Use("reserved", event.buyer_id, held_until=event.held_until))
        case CouponUseConfirmed() | CouponUseReleased() | CouponUseReturned() | CouponUseReinstated():
            known = coupon.uses.get(event.use_id)
            buyer_id = known.buyer_id if known else ""
            return _put(coupon, event.use_id, Use(FOLLOWED[type(event)], buyer_id, event.as_of))
        case _:
            assert_never(event)


def _put(coupon: Coupon, use_id: str, use: Use) -> Coupon:
    before = coupon.uses.get(use_id)
    counted = coupon if before is None else _counted(coupon, before, -1)
    return replace(_counted(counted, use, 1), uses=coupon.uses.put(use_id, use))


def _counted(coupon: Coupon, use: Use, by: int) -> Coupon:
    if use.status not in LIVE:
        return coupon
    theirs = coupon.live_of.get(use.buyer_id, 0) + by
    return replace(coupon, live=coupon.live + by, live_of=coupon.live_of.put(use.buyer_id, theirs))
