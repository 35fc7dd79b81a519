"""A code is worth money to whoever finds it, so that few may be tried."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from api.http.problems import RateLimited
from api.http.ratelimit import RateLimit
from ledger.coupons.decider import COUPON, known
from ledger.coupons.refusals import UnknownCoupon
from ledger.coupons.state import Coupon
from ledger.coupons.stream import stream_of
from ledger.store import Store


class Guess(msgspec.Struct):
    wrong: bool = False
    """To be said where no `UnknownCoupon` says it."""


@contextmanager
def guess(limit: RateLimit, user_id: str) -> Iterator[Guess]:
    """Paid before the code is looked up, given back unless there is no such coupon. Raises `RateLimited`."""
    verdict = limit.take(user_id)
    if not verdict.allowed:
        raise RateLimited(
            f"Too many codes that are no coupon's: try again in {verdict.reset_s} s.",
            headers={"Retry-After": str(verdict.reset_s)},
        )
    made = Guess(wrong=False)
    try:
        yield made
    except UnknownCoupon:
        made.wrong = True
        raise
    finally:
        if not made.wrong:
            limit.give_back(user_id)


async def coupon_of(store: Store, code: str) -> Coupon:
    """By the ledger, whatever the projections have seen. Raises `UnknownCoupon`."""
    coupon = await store.state(COUPON, stream_of(code))
    known(coupon, code)
    return coupon
