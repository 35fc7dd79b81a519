"""What a coupon promises, and what that comes to for one purchase. Nothing of it changes once it is made."""

from __future__ import annotations

import re
from datetime import datetime
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import force_setattr

from ledger import money
from ledger.coupons.refusals import (
    CouponBelowMinimum,
    CouponEnded,
    CouponLeavesTooLittle,
    CouponNotBegun,
    CouponNotForCourse,
    CouponOtherCurrency,
    CouponTakesNothing,
    InvalidCoupon,
)
from ledger.instants import clamped
from ledger.message import Instant
from ledger.split import BEARERS, WHOLE_BP

CODE = r"^[A-Z0-9_-]{4,40}$"
CODE_IN_WORDS = "from 4 to 40 letters, digits, hyphens and underscores"
SCOPES = ("platform", "instructor", "course")
MOST_USES = 1_000_000_000
MOST_MINOR = 999_999_999_999
_CODE = re.compile(CODE, re.ASCII)


class Terms(Struct, frozen=True, kw_only=True, omit_defaults=True):
    percent_bp: int = 0
    """Off the price, in basis points; or `amount_minor` of `currency`."""
    amount_minor: int = 0
    currency: str = ""
    """Of `amount_minor` and `minimum_price_minor`; empty where there is neither."""
    starts_at: Instant | None = None
    ends_at: Instant | None = None
    """From then on it is not taken any more."""
    max_uses: int | None = None
    max_uses_per_user: int | None = None
    minimum_price_minor: int = 0
    scope: str
    """`platform` for all courses, `instructor` for those of one author, `course` for one."""
    scope_id: str = ""
    """That author, or that course."""
    borne_by: str
    """`platform` or `instructor`."""

    def __post_init__(self) -> None:
        """Facts may have times that no calendar has in UTC, and no table takes: they once were let in."""
        for name in ("starts_at", "ends_at"):
            if (moment := getattr(self, name)) is not None:
                force_setattr(self, name, clamped(moment))


class Purchase(NamedTuple):
    """What a coupon is to be used for. `price_minor` is before any discount."""

    course_id: str
    author_id: str
    price_minor: int
    currency: str


def normal(code: str) -> str:
    """As it is stored: whoever types it may use either case."""
    return code.strip().upper()


def is_code(code: str) -> bool:
    return _CODE.match(code) is not None and not code.endswith("\n")


def check(terms: Terms, at: datetime) -> None:
    """Whether a coupon could be like this, whoever makes it. Raises `InvalidCoupon`."""
    _check_value(terms)
    _check_minimum(terms)
    _check_window(terms, at)
    _check_counts(terms)
    if terms.scope not in SCOPES:
        raise InvalidCoupon(f"`scope` must be one of {', '.join(SCOPES)}.", "scope")
    if bool(terms.scope_id) != (terms.scope != "platform"):
        raise InvalidCoupon(
            "`scope_id` names the instructor or the course, and nothing for the platform.", "scope_id"
        )
    if terms.borne_by not in BEARERS:
        raise InvalidCoupon(f"`borne_by` must be one of {', '.join(sorted(BEARERS))}.", "borne_by")


def _check_value(terms: Terms) -> None:
    if bool(terms.percent_bp) == bool(terms.amount_minor):
        raise InvalidCoupon(
            "Send either `percent_bp` or `amount_minor`, and not both.", "percent_bp", "amount_minor"
        )
    if terms.percent_bp and not 1 <= terms.percent_bp <= WHOLE_BP:
        raise InvalidCoupon(
            f"`percent_bp` must be from 1 to {WHOLE_BP}, which is all of the price.", "percent_bp"
        )
    needed = bool(terms.amount_minor or terms.minimum_price_minor)
    if needed and not money.is_currency(terms.currency):
        raise InvalidCoupon(
            "`currency` must be the ISO 4217 code that `amount_minor` or the minimum is in.", "currency"
        )
    if terms.currency and not needed:
        raise InvalidCoupon(
            "`currency` belongs to an amount or a minimum price: a percentage has none.", "currency"
        )
    if terms.amount_minor and (fault := money.step_fault(terms.amount_minor, terms.currency)):
        raise InvalidCoupon(f"`amount_minor` {fault}.", "amount_minor")


def _check_minimum(terms: Terms) -> None:
    for name in ("amount_minor", "minimum_price_minor"):
        if not 0 <= getattr(terms, name) <= MOST_MINOR:
            raise InvalidCoupon(f"`{name}` must be from 0 to {MOST_MINOR}.", name)


def _check_window(terms: Terms, at: datetime) -> None:
    if terms.ends_at is None:
        return
    if terms.ends_at <= at:
        raise InvalidCoupon("`ends_at` must be in the future.", "ends_at")
    if terms.starts_at is not None and terms.starts_at >= terms.ends_at:
        raise InvalidCoupon("`starts_at` must be before `ends_at`.", "starts_at", "ends_at")


def _check_counts(terms: Terms) -> None:
    for name in ("max_uses", "max_uses_per_user"):
        most = getattr(terms, name)
        if most is not None and not 1 <= most <= MOST_USES:
            raise InvalidCoupon(f"`{name}` must be from 1 to {MOST_USES}; leave it out for no limit.", name)


def discount(terms: Terms, purchase: Purchase, at: datetime) -> int:
    """What it takes off, in minor units; how often it was used is not asked here. Raises a refusal that says
    why it cannot be used for this.
    """
    if terms.starts_at is not None and at < terms.starts_at:
        raise CouponNotBegun(f"This coupon can be used from {terms.starts_at:%Y-%m-%dT%H:%M:%SZ} on.")
    if terms.ends_at is not None and at >= terms.ends_at:
        raise CouponEnded(f"This coupon ended at {terms.ends_at:%Y-%m-%dT%H:%M:%SZ}.")
    of = {"instructor": purchase.author_id, "course": purchase.course_id}
    if terms.scope != "platform" and of.get(terms.scope) != terms.scope_id:
        raise CouponNotForCourse("This coupon is for other courses.")
    _check_price(terms, purchase)
    off = _off(terms, purchase)
    if off == 0:
        written = money.format_minor(purchase.price_minor, purchase.currency)
        raise CouponTakesNothing(f"This coupon takes nothing off a price of {written}: buy without it.")
    left = purchase.price_minor - off
    if left and (fault := money.charge_fault(left, purchase.currency)):
        written = money.format_minor(left, purchase.currency)
        raise CouponLeavesTooLittle(f"With this coupon {written} is left to pay, which {fault}.")
    return off


def _check_price(terms: Terms, purchase: Purchase) -> None:
    if terms.currency and terms.currency != purchase.currency:
        raise CouponOtherCurrency(
            f"This coupon is in {terms.currency.upper()}, and the course costs {purchase.currency.upper()}."
        )
    if purchase.price_minor < terms.minimum_price_minor:
        least = money.format_minor(terms.minimum_price_minor, terms.currency)
        raise CouponBelowMinimum(f"This coupon is for prices from {least} on.")


def _off(terms: Terms, purchase: Purchase) -> int:
    """A percentage is rounded down to what Stripe can charge; all of a price is all of it."""
    if terms.amount_minor:
        return min(terms.amount_minor, purchase.price_minor)
    if terms.percent_bp == WHOLE_BP:
        return purchase.price_minor
    exact = purchase.price_minor * terms.percent_bp // WHOLE_BP
    return exact - exact % money.step_minor(purchase.currency)
