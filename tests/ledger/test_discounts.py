"""Discounts of subscriptions: what they make of a price, and what is told of them."""

from __future__ import annotations

from typing import Any

import pytest

from ledger.subscriptions.changes import preview_change
from ledger.subscriptions.discounts import Discount, discounted
from ledger.subscriptions.events import SubscriptionDiscounted
from ledger.subscriptions.state import Subscriber, Subscription
from tests.ledger.examples import names
from tests.ledger.subscription_examples import DAY, END, START, SUB, request, snapshot, subscribed, when

HALF = Discount(percent_bp=5_000)
FIVE = Discount(off_minor=500)


@pytest.mark.parametrize(
    ("discounts", "left"),
    [
        ((), 999),
        ((HALF,), 499),
        ((FIVE, HALF), 249),
        ((HALF, FIVE), 0),
        ((Discount(percent_bp=10_000),), 0),
        ((Discount(percent_bp=1_250),), 874),
    ],
)
def test_each_discount_takes_of_what_the_ones_before_it_left(discounts: Any, left: int) -> None:
    assert discounted(999, discounts, "pro") == left


def test_a_discount_is_told_before_the_beginning_so_that_revenue_never_was_more() -> None:
    _, facts = when(Subscriber(), request(), snapshot(discounts=(HALF,), billed_minor=499))
    assert names(facts)[:3] == ["SubscriptionRequested", "SubscriptionDiscounted", "SubscriptionStarted"]
    assert facts[1] == SubscriptionDiscounted(subscription_id=SUB, discounts=(HALF,), discounted_minor=499)


def test_what_was_billed_counts_for_its_period_alone() -> None:
    """A discount of once is gone from the subscription when its first invoice is written."""
    subscriber, _ = when(Subscriber(), request(), snapshot(billed_minor=499))
    known = subscriber.subscriptions[SUB]
    assert (known.discounted_minor, known.paid_minor, known.after_discounts(9_900, "enterprise")) == (
        499,
        499,
        9_900,
    )
    assert preview_change(known, "enterprise", 9_900, "month", START).unused_minor == 499
    later: dict[str, Any] = {"period_start": END, "period_end": END + 31 * DAY, "observed_at": END}
    subscriber, facts = when(subscriber, snapshot(**later))
    assert "SubscriptionDiscounted" in names(facts)
    known = subscriber.subscriptions[SUB]
    assert (known.discounted_minor, known.paid_minor) == (None, 999)


def test_what_is_billed_beside_the_plan_counts_with_what_that_was_billed_at() -> None:
    beside: dict[str, Any] = {"other_items": 1, "others_minor": 500}
    subscriber, _ = when(Subscriber(), request(), snapshot(billed_minor=499, **beside))
    known: Subscription = subscriber.subscriptions[SUB]
    assert (known.discounted_minor, known.paid_minor) == (999, 499)


def test_a_discount_that_comes_within_a_period_leaves_what_that_was_billed_at() -> None:
    told = snapshot(discounts=(HALF,), billed_minor=999, observed_at=START + DAY)
    subscriber, _ = when(subscribed(), told)
    known: Subscription = subscriber.subscriptions[SUB]
    assert (known.discounted_minor, known.paid_minor) == (499, 999)
    at_once = preview_change(known, "enterprise", 9_900, "month", START)
    assert (at_once.unused_minor, at_once.used_anew_minor) == (999, 4_950)
    assert when(subscriber, told)[1] == ()


def test_without_discounts_nothing_is_told() -> None:
    _, facts = when(Subscriber(), request(), snapshot())
    assert "SubscriptionDiscounted" not in names(facts)


def test_what_is_limited_to_a_tier_takes_of_its_price_alone() -> None:
    limited = Discount(percent_bp=5_000, tiers=("pro",))
    assert discounted(1_000, (limited,), "pro", 600) == 500 + 600
    assert discounted(1_000, (limited,), "enterprise", 600) == 1_600
    assert discounted(1_000, (HALF, limited), "pro", 600) == 250 + 300
    assert discounted(1_000, (Discount(off_minor=2_000, tiers=("pro",)),), "pro", 600) == 600


def test_an_upgrade_to_a_plan_that_a_discount_is_not_for_costs_that_plans_price() -> None:
    limited = Discount(percent_bp=5_000, tiers=("pro",))
    subscriber, _ = when(subscribed(), snapshot(discounts=(limited,), observed_at=START + DAY))
    known = subscriber.subscriptions[SUB]
    told = preview_change(known, "enterprise", 9_900, "month", START)
    assert (told.unused_minor, told.used_anew_minor, known.discounted_minor) == (499, 9_900, 499)
