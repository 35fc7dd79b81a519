"""A subscription that somebody changed in Stripe's dashboard: how many of what, and no plan of ours."""

from __future__ import annotations

from functools import reduce
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import NotFound
from ledger.subscriptions.changes import preview_change, what_it_means, what_to_do
from ledger.subscriptions.commands import LostSubscription, NotFollowed
from ledger.subscriptions.decider import SUBSCRIBER
from ledger.subscriptions.events import PaymentMethodChanged, SubscriptionChanged
from ledger.subscriptions.refusals import BilledOtherwise
from ledger.subscriptions.state import Subscriber, Subscription
from tests.ledger.subscription_examples import DAY, END, START, SUB, change, snapshot, subscribed, when

FOREIGN: dict[str, Any] = {"tier": "", "price_minor": 700, "not_followed": "price_without_tier"}


def known(subscriber: Subscriber) -> Subscription:
    return subscriber.subscriptions[SUB]


def later(hours: int, **changes: Any) -> Any:
    return snapshot(observed_at=START + hours * DAY / 24, **changes)


def test_a_quantity_is_news_once_and_an_interval_costs_all_of_it() -> None:
    of_three, facts = when(subscribed(), later(1, quantity=3))
    changed = next(fact for fact in facts if isinstance(fact, SubscriptionChanged))
    assert (changed.change_id, changed.price_minor, changed.quantity) == ("", 999, 3)
    assert known(of_three).interval_minor == 2_997
    _, again = when(of_three, later(2, quantity=3))
    assert not [fact for fact in again if isinstance(fact, SubscriptionChanged)]


def test_one_that_begins_with_a_quantity_is_of_it() -> None:
    assert known(subscribed(quantity=3, other_items=1, others_minor=500)).interval_minor == 3_497


def test_an_upgrade_of_three_charges_three_and_one_of_what_is_beside_it_nothing() -> None:
    at = START + 14 * DAY
    of_one = preview_change(known(subscribed()), "enterprise", 9_900, "month", at)
    of_three = preview_change(
        known(subscribed(quantity=3, other_items=1, others_minor=500)), "enterprise", 9_900, "month", at
    )
    assert abs(of_three.unused_minor - 3 * of_one.unused_minor) <= 2, "rounded once"
    assert of_three.used_anew_minor == 3 * of_one.used_anew_minor
    assert preview_change(known(subscribed(quantity=0)), "enterprise", 9_900, "month", at).charge_minor == 0


def test_while_a_downgrade_waits_a_quantity_is_of_the_present_plan() -> None:
    waiting, _ = when(subscribed(tier="enterprise", price_minor=9_900), change("pro", price=999))
    shown, _ = when(waiting, later(1, tier="pro", price_minor=999, quantity=2))
    row = known(shown)
    assert (row.tier, row.interval_minor) == ("enterprise", 19_800)
    assert row.change is not None
    withdrawn, _ = when(waiting, change("enterprise", price=9_900, change_id="chg_2"))
    shown, _ = when(withdrawn, later(1, tier="pro", price_minor=999, quantity=2))
    assert (known(shown).tier, known(shown).quantity) == ("enterprise", 2)


@pytest.mark.parametrize("why", get_args(NotFollowed))
def test_what_is_no_plan_leaves_the_tier_and_refuses_changes_in_words(why: str) -> None:
    row = known(when(subscribed(), later(1, **{**FOREIGN, "not_followed": why}))[0])
    assert (row.tier, row.price_minor, row.not_followed) == ("pro", 700, why)
    with pytest.raises(BilledOtherwise) as refused:
        when(when(subscribed(), later(1, **{**FOREIGN, "not_followed": why}))[0], change())
    assert "ask support" in refused.value.detail.lower()
    assert "metadata" not in refused.value.detail
    assert "Stripe's dashboard" in what_to_do(row)
    assert what_to_do(known(subscribed())) == what_it_means(known(subscribed())) == ""


def test_it_can_be_followed_again() -> None:
    other, _ = when(subscribed(), later(1, **FOREIGN))
    followed, facts = when(other, later(2, tier="enterprise", price_minor=9_900))
    assert (known(followed).tier, known(followed).not_followed) == ("enterprise", "")
    assert [fact.was_tier for fact in facts if isinstance(fact, SubscriptionChanged)] == ["pro"]


def test_with_other_items_the_interval_stays() -> None:
    with pytest.raises(BilledOtherwise, match="2 more items are billed by the month"):
        when(subscribed(other_items=2), change("pro", "year", 9_990))


def test_a_lost_one_is_taken_up_with_its_quantity_and_not_without_a_tier() -> None:
    lost = LostSubscription(stripe_customer_id="cus_1")
    assert known(when(Subscriber(), snapshot(lost=lost, quantity=3))[0]).interval_minor == 2_997
    with pytest.raises(NotFound, match="metadata `tier`"):
        when(Subscriber(), snapshot(lost=lost, **FOREIGN))


def test_a_later_period_is_news_though_the_clock_went_back_and_an_earlier_one_is_none() -> None:
    """Periods are Stripe's and only go on, while when it was asked is by our clocks."""
    next_one: dict[str, Any] = {"period_start": END, "period_end": END + 31 * DAY}
    renewed, _ = when(subscribed(observed_at=END), snapshot(observed_at=END - DAY, **next_one))
    assert known(renewed).period_start == END
    _, late = when(renewed, snapshot(observed_at=END + DAY))
    assert late == ()


def test_between_two_debts_the_first_was_paid_so_that_the_second_has_its_own_days() -> None:
    owed, _ = when(subscribed(), later(1, status="past_due", past_due_since=START))
    again = later(48, status="past_due", past_due_since=START + 2 * DAY)
    row = known(when(owed, again)[0])
    assert (row.status, row.past_due_since) == ("past_due", START + 2 * DAY)


def test_no_card_is_tried_on_an_invoice_of_what_has_ended() -> None:
    ended = later(1, status="canceled", payment_method_id="pm_2", open_invoice_id="in_1", ended_at=START)
    _, facts = when(subscribed(), ended)
    assert [one.open_invoice_id for one in facts if isinstance(one, PaymentMethodChanged)] == [""]


SHOWN = st.fixed_dictionaries(
    {
        "quantity": st.integers(0, 5),
        "other_items": st.integers(0, 2),
        "others_minor": st.integers(0, 900),
        "price_minor": st.sampled_from((999, 700)),
        "not_followed": st.sampled_from(("", *get_args(NotFollowed))),
    }
)


@given(st.permutations(range(1, 5)), st.lists(SHOWN, min_size=4, max_size=4))
def test_in_any_order_what_was_seen_last_holds(order: list[int], shown: list[dict[str, Any]]) -> None:
    commands = {hours: later(hours, **shown[hours - 1]) for hours in order}
    row = known(when(subscribed(), *(commands[hours] for hours in order))[0])
    assert {name: getattr(row, name) for name in shown[3]} == shown[3]


def test_an_old_change_is_of_one_and_of_a_plan_of_ours() -> None:
    stored = (
        b'{"subscription_id":"sub_1","tier":"enterprise","interval":"month","currency":"usd","price_minor":9900,'
        b'"was_tier":"pro","was_interval":"month","was_price_minor":999}'
    )
    event = msgspec.json.decode(stored, type=SubscriptionChanged)
    row = known(reduce(SUBSCRIBER.evolve, [event], subscribed()))
    assert (row.interval_minor, row.other_items, row.not_followed) == (9_900, 0, "")
