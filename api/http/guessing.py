"""A code is worth money to whoever finds it, and whether somebody has a course is theirs to tell: so few may
be tried.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from api.http.problems import RateLimited
from api.http.ratelimit import RateLimit
from ledger.coupons.refusals import CouponCodeTaken, UnknownCoupon
from ledger.enrolments.refusals import GiftNotPossible
from ledger.subscriptions.refusals import PromotionCodeNotForUser, PromotionCodeUnknown

WRONG = (UnknownCoupon, CouponCodeTaken, GiftNotPossible, PromotionCodeUnknown, PromotionCodeNotForUser)
"""What tells something to whoever only tries."""


class Guess(msgspec.Struct):
    wrong: bool = False

    @contextmanager
    def judged(self) -> Iterator[None]:
        """Around what raises it, where a refusal becomes an answer later."""
        try:
            yield
        except WRONG:
            self.wrong = True
            raise


@contextmanager
def guess(limit: RateLimit, user_id: str) -> Iterator[Guess]:
    """Paid before anything is looked up, given back unless it was `WRONG`. Raises `RateLimited`."""
    verdict = limit.take(user_id)
    if not verdict.allowed:
        raise RateLimited(
            "Too many codes that are no coupon's or are taken, or too many people who cannot be given a "
            f"course: try again in {verdict.reset_s} s.",
            headers={"Retry-After": str(verdict.reset_s)},
        )
    made = Guess()
    try:
        with made.judged():
            yield made
    finally:
        if not made.wrong:
            limit.give_back(user_id)
