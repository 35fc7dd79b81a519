"""What the present period of a plan was billed at, which is what its unused time is worth. Pure.

Stripe gives back by the discounts that were used last, whatever became of them since: what was billed at the
full price counts for that, though a coupon came afterwards. What was billed last is a line of an invoice, or
an item that waits for the next one, of the very price and quantity that the plan has now.

https://docs.stripe.com/billing/subscriptions/prorations#credit-prorations
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from api.stripe.billing.catalogue import named_tier, product_of
from api.stripe.billing.items import plan_item, terms_of
from api.stripe.billing.lookup import PresentSubscription
from api.stripe.billing.objects import Coupon, Line, Subscription, SubscriptionItem
from api.stripe.objects import id_of, instant
from ledger.catalogue import TIERS
from ledger.money import round_half_up
from ledger.subscriptions.discounts import Discount, discounted
from ledger.subscriptions.proration import seg


class _Debit(msgspec.Struct, frozen=True):
    """Of the time from `start` to the end of the period, after discounts."""

    amount: int
    start: int


def billed_minor(present: PresentSubscription) -> int | None:
    """For the whole period; None where nothing tells, as on trial, after a change without prorations, or of a
    price that is billed otherwise than plans are.

    Of a part of the period it is the price, after the discounts that stand or before them, when the part was
    billed by that. Else it is what the part comes to for the whole.
    """
    item = plan_item(present.subscription)
    debit = _last_debit(present, item)
    tells = terms_of(present.subscription).not_followed in {"", "price_without_tier"}
    if debit is None or item.price.unit_amount is None or not tells:
        return None
    price = item.price.unit_amount * _quantity(item.quantity)
    start, end = item.current_period_start, item.current_period_end
    standing = discounts_of(present.subscription)
    for whole in (discounted(price, standing, named_tier(item.price)), price):
        at, period = instant(debit.start), (instant(start), instant(end))
        if seg(whole, at, *period, item.price.currency) == debit.amount:
            return whole
    return round_half_up(debit.amount * (end - start), end - debit.start)


def discounts_of(found: Subscription) -> tuple[Discount, ...]:
    """Those that take of the plan, or would of another one."""
    coupons = [None if isinstance(one, str) else one.source.coupon for one in found.discounts]
    limits = [(one, _tiers(one, found)) for one in coupons if isinstance(one, Coupon)]
    return tuple(
        Discount(percent_bp=round((one.percent_off or 0) * 100), off_minor=one.amount_off or 0, tiers=tiers)
        for one, tiers in limits
        if tiers is not None
    )


def _tiers(coupon: Coupon, found: Subscription) -> tuple[str, ...] | None:
    """Which it takes of: all without any, and none of them for None. Of the plan its own product tells; of a
    price that names no tier as well, and what it takes there is taken for all.
    """
    if coupon.applies_to is None:
        return ()
    products, price = coupon.applies_to.products, plan_item(found).price
    tier, takes_now = named_tier(price), id_of(price.product) in products
    if not tier:
        return () if takes_now else None
    return tuple(one for one in TIERS if (takes_now if one == tier else product_of(one) in products)) or None


def _last_debit(present: PresentSubscription, item: SubscriptionItem) -> _Debit | None:
    """Of two that begin in one moment it is the one that was made last."""
    found = [*_waiting(present, item), *_invoiced(present, item)]
    return max(found, key=lambda one: one.start, default=None)


def _waiting(present: PresentSubscription, item: SubscriptionItem) -> Iterator[_Debit]:
    for one in present.waiting:
        its = (one.price_id, _quantity(one.quantity)) == (item.price.id, _quantity(item.quantity))
        period = one.period
        if its and one.proration and one.amount >= 0 and _is_rest(item, period.start, period.end):
            yield _Debit(one.amount, period.start)


def _invoiced(present: PresentSubscription, item: SubscriptionItem) -> Iterator[_Debit]:
    for invoice in sorted(present.invoices, key=lambda one: one.created, reverse=True):
        for line in reversed(invoice.lines.data):
            if invoice.status != "void" and _bills(line, item):
                taken = sum(one.amount for one in line.discount_amounts or [])
                yield _Debit(line.amount - taken, line.period.start)


def _bills(line: Line, item: SubscriptionItem) -> bool:
    """A trial's line is of nothing, and tells nothing; a part that a discount took whole does."""
    its = (line.price_id, _quantity(line.quantity)) == (item.price.id, _quantity(item.quantity))
    charges = line.amount > 0 or (line.proration and line.amount == 0)
    return its and charges and _is_rest(item, line.period.start, line.period.end)


def _is_rest(item: SubscriptionItem, start: int, end: int) -> bool:
    return item.current_period_start <= start < end == item.current_period_end


def _quantity(stripe: int | None) -> int:
    return 1 if stripe is None else stripe
