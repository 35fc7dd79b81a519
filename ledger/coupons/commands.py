"""What can be asked of one coupon.

The commands about a use come from the ledger itself: `use_id` is the enrolment that it is for. What becomes
of one carries `as_of`, the version of the enrolment's stream: it may come late, twice and in any order, and
only what is newer counts. It is never refused.
"""

from __future__ import annotations

from typing import ClassVar

from ledger.coupons.terms import Terms
from ledger.message import Command, Instant


class CreateCoupon(Command, frozen=True, kw_only=True):
    NAME: ClassVar[str] = "coupons.create"
    GENERATED: ClassVar[frozenset[str]] = frozenset({"course_author", "kept"})
    code: str
    user_id: str
    """Who makes it."""
    by_admin: bool = False
    terms: Terms
    course_author: str = ""
    """Of the course that it is for, where it is for one."""
    kept: int = 0
    """How many coupons of theirs are not over, as far as is known when it is asked."""


class EndCoupon(Command, frozen=True, kw_only=True):
    """Not taken any more; uses that are there stay."""

    NAME: ClassVar[str] = "coupons.end"
    code: str
    user_id: str
    by_admin: bool = False


class ReserveCouponUse(Command, frozen=True, kw_only=True):
    """For an enrolment that is reserved and says that so much comes off."""

    NAME: ClassVar[str] = "coupons.reserve_use"
    GENERATED: ClassVar[frozenset[str]] = frozenset({"held_until"})
    code: str
    use_id: str
    buyer_id: str
    learner_id: str
    payment_id: str
    course_id: str
    author_id: str
    price_minor: int
    currency: str
    discount_minor: int
    borne_by: str
    held_until: Instant | None = None
    """When the reservation is over that it is for."""


class ConfirmCouponUse(Command, frozen=True, kw_only=True):
    """The enrolment is active. What was captured late is confirmed, too, even beyond the maximum."""

    NAME: ClassVar[str] = "coupons.confirm_use"
    code: str
    use_id: str
    as_of: int


class ReleaseCouponUse(Command, frozen=True, kw_only=True):
    """The enrolment's reservation ended without money."""

    NAME: ClassVar[str] = "coupons.release_use"
    code: str
    use_id: str
    as_of: int


class ReturnCouponUse(Command, frozen=True, kw_only=True):
    """The money was given back, and the use with it."""

    NAME: ClassVar[str] = "coupons.return_use"
    code: str
    use_id: str
    as_of: int


class ReinstateCouponUse(Command, frozen=True, kw_only=True):
    """The refund failed later, or the dispute was won."""

    NAME: ClassVar[str] = "coupons.reinstate_use"
    code: str
    use_id: str
    as_of: int


UseNews = ConfirmCouponUse | ReleaseCouponUse | ReturnCouponUse | ReinstateCouponUse
CouponCommand = (
    CreateCoupon
    | EndCoupon
    | ReserveCouponUse
    | ConfirmCouponUse
    | ReleaseCouponUse
    | ReturnCouponUse
    | ReinstateCouponUse
)
