"""The coupon of a code that somebody gives. Few that do not exist may be tried: `api.http.guessing`."""

from __future__ import annotations

from ledger.coupons.decider import COUPON, known
from ledger.coupons.state import Coupon
from ledger.coupons.stream import stream_of
from ledger.store import Store


async def coupon_of(store: Store, code: str) -> Coupon:
    """By the ledger, whatever the projections have seen. Raises `UnknownCoupon`."""
    coupon = await store.state(COUPON, stream_of(code))
    known(coupon, code)
    return coupon
