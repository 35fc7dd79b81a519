"""What becomes of a subscription's row, and how its revenue moves: given facts, then rows."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ledger.message import Event
from ledger.subscriptions import events
from projections.engine.buffers import Rows
from projections.engine.projection import CannotProject
from projections.subscriptions import MovementRow, SubscriptionRow, Subscriptions, monthly_minor
from tests.projections.histories import START, History
from tests.projections.subscription_histories import DAY, random_subscriptions, states

END = START + 30 * DAY


def requested(subscription_id: str = "sub_1", **changes: object) -> events.SubscriptionRequested:
    fields: dict[str, object] = {
        "subscription_id": subscription_id,
        "user_id": "usr_1",
        "tier": "pro",
        "interval": "month",
        "currency": "usd",
        "price_minor": 999,
        "catalogue_version": "2026-03",
        "payment_method_id": "pm_1",
        "stripe_customer_id": "cus_1",
    }
    return events.SubscriptionRequested(**{**fields, **changes})  # type: ignore[arg-type]  # as given


def started(subscription_id: str = "sub_1", status: str = "active") -> events.SubscriptionStarted:
    return events.SubscriptionStarted(
        subscription_id=subscription_id,
        stripe_subscription_id=f"stripe_{subscription_id}",
        status=status,
        anchor_at=START,
        period_start=START,
        period_end=END,
    )


def stands(status: str, was: str = "active", **changes: object) -> events.SubscriptionStatusChanged:
    return events.SubscriptionStatusChanged(
        subscription_id="sub_1",
        status=status,
        was=was,
        **changes,  # type: ignore[arg-type]  # as given
    )


def changed(tier: str, price: int, interval: str = "month", **more: object) -> events.SubscriptionChanged:
    fields = {"currency": "usd", "change_id": "chg_1", **more}
    return events.SubscriptionChanged(
        subscription_id="sub_1",
        tier=tier,
        interval=interval,
        price_minor=price,
        was_tier="pro",
        was_interval="month",
        was_price_minor=999,
        **fields,  # type: ignore[arg-type]  # as given
    )


def canceled(subscription_id: str = "sub_1", at: timedelta = 10 * DAY) -> events.SubscriptionCanceled:
    return events.SubscriptionCanceled(
        subscription_id=subscription_id, at=START + at, period_end=END, was="active", reason="too_expensive"
    )


def fold(*facts: Event) -> Subscriptions:
    made = History()
    for number, fact in enumerate(facts):
        made.add("subscriber-usr_1", fact, effective_at=START + number * DAY)
    subscriptions = Subscriptions()
    subscriptions.project_batch(made.recorded)
    return subscriptions


def subscription(*facts: Event) -> SubscriptionRow:
    row = fold(*facts)._subscriptions.find("sub_1")
    assert row is not None
    return row


def movements(*facts: Event) -> list[MovementRow]:
    return [MovementRow(*values) for values in fold(*facts)._movements.drain()]


def moves(*facts: Event) -> list[tuple[str, str, int]]:
    return [(one.kind, one.currency, one.mrr_delta_minor) for one in movements(*facts)]


def test_a_subscription_begins_as_a_request_without_a_period() -> None:
    row = subscription(requested())

    assert (row.status, row.period_start, row.mrr_minor, row.mrr_since) == ("requested", None, 0, None)
    assert (row.requested_at, row.position, row.last_position) == (START, 1, 1)


def test_one_that_was_taken_for_refused_begins_after_all() -> None:
    refused = events.SubscriptionRequestFailed(
        subscription_id="sub_1", request_id="sub_1", request="create", code="card_declined"
    )
    assert (subscription(requested(), refused).status, subscription(requested(), refused).failure_code) == (
        "failed",
        "card_declined",
    )

    row = subscription(requested(), refused, started())
    assert (row.status, row.failure_code, row.started_at, row.mrr_minor) == ("active", "", START, 999)


def test_a_duplicate_never_counts() -> None:
    twin = events.DuplicateSubscriptionFound(
        subscription_id="sub_1", stripe_subscription_id="stripe_x", live_subscription_id="sub_2"
    )

    assert subscription(requested(), twin).status == "duplicate"
    assert moves(requested(), twin, canceled()) == []


@pytest.mark.parametrize(
    ("asked", "request_", "answer"),
    [
        (
            events.CancellationRequested(subscription_id="sub_1", request_id="r", at_once=False),
            "cancel",
            events.CancellationScheduled(subscription_id="sub_1", at=END),
        ),
        (
            events.CancellationWithdrawalRequested(subscription_id="sub_1", request_id="r"),
            "withdraw_cancellation",
            events.CancellationWithdrawn(subscription_id="sub_1"),
        ),
        (
            events.PauseRequested(subscription_id="sub_1", request_id="r"),
            "pause",
            stands("paused"),
        ),
        (
            events.ResumeRequested(subscription_id="sub_1", request_id="r"),
            "resume",
            stands("active", "paused"),
        ),
        (
            events.PaymentMethodChangeRequested(
                subscription_id="sub_1", request_id="r", payment_method_id="pm_2"
            ),
            "payment_method",
            events.PaymentMethodChanged(subscription_id="sub_1", payment_method_id="pm_2"),
        ),
    ],
)
def test_a_request_waits_for_its_own_answer(asked: Event, request_: str, answer: Event) -> None:
    begun = (requested(), started(), asked)
    renewed = events.SubscriptionPeriodRenewed(
        subscription_id="sub_1", period_start=END, period_end=END + DAY
    )
    refused = events.SubscriptionRequestFailed(
        subscription_id="sub_1", request_id="r", request=request_, code="400"
    )

    assert subscription(*begun, renewed).request == request_
    assert subscription(*begun, answer).request == ""
    assert subscription(*begun, refused).request == ""
    assert subscription(*begun, refused).status == "active"


def test_a_scheduled_downgrade_shows_until_it_is_in_force() -> None:
    scheduled = events.SubscriptionChangeScheduled(
        subscription_id="sub_1",
        change_id="chg_1",
        tier="pro",
        interval="month",
        currency="usd",
        price_minor=999,
        catalogue_version="2026-04",
        at=END,
    )
    begun = (requested(tier="enterprise", price_minor=9_900), started(), scheduled)
    row = subscription(*begun)

    assert (row.tier, row.scheduled_tier, row.scheduled_price_minor, row.scheduled_at) == (
        "enterprise",
        "pro",
        999,
        END,
    )
    row = subscription(*begun, changed("pro", 999))
    assert (row.tier, row.scheduled_tier, row.scheduled_at, row.change_id) == ("pro", "", None, "")


def test_an_upgrade_waits_for_its_payment() -> None:
    asked = events.SubscriptionChangeRequested(
        subscription_id="sub_1",
        change_id="chg_1",
        tier="enterprise",
        interval="month",
        currency="usd",
        price_minor=9_900,
        catalogue_version="2026-03",
        proration_at=START,
        expected_minor=8_901,
    )
    failed = events.SubscriptionChangeFailed(subscription_id="sub_1", change_id="chg_1", code="expired")

    assert subscription(requested(), started(), asked).pending_tier == "enterprise"
    assert subscription(requested(), started(), asked, failed).pending_tier == ""


def test_the_end_leaves_nothing_open() -> None:
    due = stands("past_due", past_due_since=START)
    row = subscription(requested(), started(), due, canceled())

    assert (row.status, row.ended_at, row.end_reason) == ("canceled", START + 10 * DAY, "too_expensive")
    assert (row.past_due_since, row.cancel_at, row.request, row.mrr_minor) == (None, None, "", 0)


# ------------------------------------------------------------------------------ movements


def test_a_trial_brings_revenue_when_it_is_over() -> None:
    assert moves(requested(), started(status="trialing")) == []
    assert moves(requested(), started(status="trialing"), stands("active", "trialing")) == [
        ("new", "usd", 999)
    ]


def test_up_and_down_are_judged_by_what_a_month_comes_to() -> None:
    assert moves(
        requested(),
        started(),
        changed("enterprise", 9_900),
        changed("pro", 999),
        changed("pro", 9_990, "year"),
    ) == [
        ("new", "usd", 999),
        ("upgrade", "usd", 8_901),
        ("downgrade", "usd", -8_901),
        ("downgrade", "usd", -166),
    ]


def test_another_tier_at_the_same_price_is_a_movement_of_nothing() -> None:
    [_, moved] = movements(requested(), started(), changed("enterprise", 999))

    assert (moved.was_tier, moved.tier, moved.mrr_delta_minor) == ("pro", "enterprise", 0)


def test_debt_counts_until_it_is_unpaid() -> None:
    due, unpaid = stands("past_due", past_due_since=START), stands("unpaid", "past_due", past_due_since=START)
    begun = (requested(), started(), due)

    assert moves(*begun) == [("new", "usd", 999)]
    assert moves(*begun, unpaid, canceled()) == [("new", "usd", 999), ("churn", "usd", -999)]
    assert moves(*begun, unpaid, stands("active", "unpaid"))[-1] == ("reactivation", "usd", 999)


def test_who_comes_back_is_no_new_customer() -> None:
    found = movements(
        requested(), started(), canceled(at=DAY), requested("sub_2", price_minor=500), started("sub_2")
    )

    assert [(one.kind, one.subscription_id, one.mrr_delta_minor) for one in found] == [
        ("new", "sub_1", 999),
        ("churn", "sub_1", -999),
        ("reactivation", "sub_2", 500),
    ]


def test_a_movement_has_stripes_time_and_never_goes_back() -> None:
    [new, churn] = movements(requested(), started(), canceled(at=-DAY))

    assert (new.at, new.day) == (START, START.date())
    assert churn.at == START


def test_another_currency_is_a_loss_in_one_and_a_gain_in_the_other() -> None:
    assert moves(requested(), started(), changed("pro", 900, currency="eur")) == [
        ("new", "usd", 999),
        ("reactivation", "eur", 900),
        ("churn", "usd", -999),
    ]


@pytest.mark.parametrize(("price", "monthly"), [(9_990, 833), (6, 1), (5, 0), (18, 2)])
def test_a_year_counts_by_the_twelfth(price: int, monthly: int) -> None:
    assert monthly_minor(price, "year") == monthly
    assert monthly_minor(price, "month") == price


def test_a_fact_about_a_subscription_that_nobody_asked_for_cannot_be_projected() -> None:
    with pytest.raises(CannotProject, match=r"subscriptions.started.v1 at position 1 .*no row sub_1"):
        fold(started())


# ------------------------------------------------------- against what the rules remember


def test_a_row_says_what_the_decider_remembers() -> None:
    facts = random_subscriptions(seed=5, users=150)
    subscriptions = Subscriptions()
    subscriptions.project_batch(facts)
    rows: Rows[SubscriptionRow] = subscriptions._subscriptions
    compared = 0
    for subscriber in states(facts, "subscriber-").values():
        for known in subscriber.subscriptions.values():
            row = rows.find(known.subscription_id)
            assert row is not None
            for name in _SHARED:
                assert getattr(row, name) == getattr(known, name), (known.subscription_id, name)
            assert row.request == (known.request.request if known.request else "")
            assert row.change_id == (known.change.change_id if known.change else "")
            assert (row.mrr_minor > 0) == (known.status in {"active", "past_due"})
            compared += 1
    assert compared > 150


_SHARED = (
    *("stripe_subscription_id", "tier", "interval", "currency", "price_minor", "catalogue_version", "status"),
    *("payment_method_id", "anchor_at", "period_start", "period_end", "past_due_since", "cancel_at"),
    *("ended_at", "open_invoice_id"),
)


def test_movements_add_up_to_the_revenue_that_is_there() -> None:
    facts = random_subscriptions(seed=6, users=150)
    subscriptions = Subscriptions()
    subscriptions.project_batch(facts)
    moved: dict[tuple[str, str], int] = {}
    for one in (MovementRow(*values) for values in subscriptions._movements.drain()):
        key = one.subscription_id, one.currency
        assert moved.get(key, 0) == one.was_mrr_minor
        moved[key] = one.mrr_minor

    there = {
        (row.subscription_id, row.currency): row.mrr_minor
        for row in subscriptions._subscriptions._by_key.values()
        if row.mrr_minor
    }
    assert {key: minor for key, minor in moved.items() if minor} == there
    assert len(moved) > 100


def test_revenue_is_of_all_that_is_billed_for_an_interval() -> None:
    of_three = changed("pro", 999, quantity=3, others_minor=600)
    row = subscription(requested(), started(), of_three)
    assert (row.price_minor, row.quantity, row.others_minor, row.mrr_minor) == (999, 3, 600, 3_597)
    assert moves(requested(), started(), of_three)[1:] == [("upgrade", "usd", 2_598)]
    yearly = changed("pro", 9_990, "year", quantity=2)
    assert subscription(requested(), started(), yearly).mrr_minor == 1_665


def test_why_one_is_not_followed_is_told_until_it_is() -> None:
    other = changed("pro", 700, not_followed="price_without_tier")
    assert subscription(requested(), started(), other).not_followed == "price_without_tier"
    assert subscription(requested(), started(), other, changed("pro", 999)).not_followed == ""
