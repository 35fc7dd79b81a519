"""What a subscription is of at Stripe: its plan, how many of it, and what is billed beside it. Pure.

Ours are made with one item of one plan. In Stripe's dashboard anything can become of that: a quantity, more
items, another price. What is no plan of ours is said (`not_followed`), with what it comes to as far as prices
tell: prices by tiers, by use or in another currency do not.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Literal

import msgspec

from api.stripe.billing.catalogue import Plan, interval_of, named_tier, plan_of
from api.stripe.billing.objects import Price, Subscription, SubscriptionItem
from api.stripe.objects import UnexpectedAnswer
from ledger.catalogue import Interval, rank
from ledger.money import round_half_up
from ledger.subscriptions.commands import NotFollowed

_MONTHS = {"month": 1, "year": 12}
_DAYS = {"day": 1, "week": 7}
_DAYS_A_MONTH = Fraction(365, 12)


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """`tier` is empty for a price that names none. Of a price that is billed neither by the month nor by the
    year, `price_minor` is what it comes to a month.
    """

    tier: str
    interval: Interval
    price_minor: int
    quantity: int
    other_items: int
    others_minor: int
    not_followed: NotFollowed | Literal[""]


def plan_item(found: Subscription) -> SubscriptionItem:
    """That of the plan: of several that name a tier the highest, and then the first made."""
    items = found.items.data
    return max(items, key=lambda item: (_rank(item.price, found.currency), -items.index(item)))


def is_of(found: Subscription, plan: Plan) -> bool:
    """Whether its plan is billed by the very price of `plan`."""
    try:
        return plan_of(plan_item(found).price) == plan
    except UnexpectedAnswer:
        return False


def terms_of(found: Subscription) -> Terms:
    plan = plan_item(found)
    price, others = plan.price, [item for item in found.items.data if item is not plan]
    why = _why_not(price, found.currency)
    interval: Interval = "year" if _is_ours(price) and interval_of(price) == "year" else "month"
    return Terms(
        tier=named_tier(price),
        interval=interval,
        price_minor=_comes_to([msgspec.structs.replace(plan, quantity=1)], found.currency, interval),
        quantity=1 if plan.quantity is None else plan.quantity,
        other_items=len(others),
        others_minor=_comes_to(others, found.currency, interval),
        not_followed=why,
    )


def _rank(price: Price, currency: str) -> int:
    """-1 for what is no plan of ours."""
    return -1 if _why_not(price, currency) else rank(named_tier(price))


def _why_not(price: Price, currency: str) -> NotFollowed | Literal[""]:
    if price.currency != currency:
        return "price_currency"
    if price.unit_amount is None or (price.recurring and price.recurring.usage_type != "licensed"):
        return "price_amount"
    if not _is_ours(price):
        return "price_interval"
    return "" if named_tier(price) else "price_without_tier"


def _is_ours(price: Price) -> bool:
    """Whether it is billed as plans are."""
    try:
        interval_of(price)
    except UnexpectedAnswer:
        return False
    return True


def _comes_to(items: Sequence[SubscriptionItem], currency: str, interval: Interval) -> int:
    """For one interval, rounded once; what no price tells counts for nothing."""
    exact = sum(
        (
            Fraction(item.price.unit_amount or 0) * (item.quantity or 0) * _a_month(item.price)
            for item in items
            if item.price.currency == currency
        ),
        Fraction(0),
    )
    exact *= _MONTHS[interval]
    return round_half_up(exact.numerator, exact.denominator)


def _a_month(price: Price) -> Fraction:
    """How often it is billed a month."""
    recurring = price.recurring
    if recurring is None:
        return Fraction(0)
    if recurring.interval in _DAYS:
        return _DAYS_A_MONTH / (_DAYS[recurring.interval] * recurring.interval_count)
    return Fraction(1, _MONTHS[recurring.interval] * recurring.interval_count)
