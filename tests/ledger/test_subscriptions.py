"""A user's subscriptions: given what happened, when something is asked or told, then what is recorded."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from ledger import effects as fx
from ledger.errors import Forbidden, NotFound, Refused
from ledger.message import Origin
from ledger.permissions import check
from ledger.policies import react
from ledger.subscriptions.commands import (
    AdvanceDunning,
    BilledPeriod,
    LostSubscription,
    PendingUpdate,
    RecordSubscriptionFailure,
    RecordSubscriptionUnknown,
    RequestCancellation,
    RequestCancellationWithdrawal,
    RequestPause,
    RequestPaymentMethodChange,
    RequestResume,
    SubscriptionCommand,
)
from ledger.subscriptions.decider import SUBSCRIBER, decide
from ledger.subscriptions.events import (
    CancellationRequested,
    PaymentMethodChanged,
    SubscriptionCanceled,
    SubscriptionChanged,
    SubscriptionChangeFailed,
    SubscriptionChangeScheduled,
    SubscriptionChangeSuperseded,
    SubscriptionEvent,
    SubscriptionPeriodRenewed,
    SubscriptionStarted,
    SubscriptionStatusChanged,
)
from ledger.subscriptions.proration import seg
from ledger.subscriptions.refusals import (
    CancellationPending,
    CurrencyMismatch,
    IntervalChange,
    InvalidPrice,
    InvalidText,
    InvalidTrial,
    NotCanceling,
    NotPaused,
    PreviewExpired,
    PreviewMismatch,
    PreviewRequired,
    RequestInProgress,
    SamePlan,
    SubscriptionEnded,
    SubscriptionExists,
    SubscriptionNotActive,
    TrialUsed,
    UnknownTier,
)
from ledger.subscriptions.state import Subscriber, Subscription
from tests.ledger.examples import names, recorded
from tests.ledger.subscription_examples import (
    DAY,
    END,
    START,
    SUB,
    USER,
    change,
    request,
    snapshot,
    subscribed,
    when,
    wish,
)

NOON_14 = START + 14 * DAY
"""The middle of February's 28 days."""
EXPECTED = seg(9900, NOON_14, START, END) - seg(999, NOON_14, START, END)


def upgrade(**changes: Any) -> Any:
    return change(**{"effective_at": NOON_14, "proration_at": NOON_14, "expected_minor": EXPECTED, **changes})


def downgrade(**changes: Any) -> Any:
    return change("pro", price=999, **{"effective_at": NOON_14, **changes})


def on_enterprise(**changes: Any) -> Subscriber:
    return subscribed(tier="enterprise", price_minor=9900, **changes)


def the(subscriber: Subscriber) -> Subscription:
    return subscriber.subscriptions[SUB]


def effects(events: tuple[SubscriptionEvent, ...]) -> list[fx.Effect]:
    return [one for event in events for one in react(recorded(event, stream=f"subscriber-{USER}"))]


def test_a_subscription_is_requested_then_starts_as_stripe_says() -> None:
    subscriber, events = when(Subscriber(), request(), snapshot())
    assert names(events) == ["SubscriptionRequested", "SubscriptionStarted", "SubscriptionObserved"]
    assert effects(events) == [fx.CreateSubscription(USER, SUB)]
    assert the(subscriber).status == "active"
    assert SUBSCRIBER.stream(request()) == "subscriber-usr_ann"


@pytest.mark.parametrize("status", ["incomplete", "trialing", "active", "past_due", "unpaid", "paused"])
def test_while_one_is_live_there_is_no_other(status: str) -> None:
    with pytest.raises(SubscriptionExists, match="cancel it"):
        decide(request(subscription_id="sub_2"), subscribed(status))


def test_of_two_requests_at_once_one_is_refused_until_the_first_is_known() -> None:
    subscriber, _ = when(Subscriber(), request())
    with pytest.raises(SubscriptionExists, match="wait"):
        decide(request(subscription_id="sub_2"), subscriber)
    with pytest.raises(RequestInProgress):
        decide(wish(RequestCancellation), subscriber)


def test_a_refused_request_leaves_room_for_another() -> None:
    failure = wish(RecordSubscriptionFailure, request_id=SUB, code="card_declined", decline_code="lost_card")
    subscriber, events = when(Subscriber(), request(), failure, failure, request(subscription_id="sub_2"))
    assert names(events)[1:] == ["SubscriptionRequestFailed", "SubscriptionRequested"]
    assert decide(request(), when(Subscriber(), request(), failure)[0]) == (), "it is this one"
    assert subscriber.live is not None


def test_one_that_stripe_made_after_all_is_canceled_when_another_is_live() -> None:
    failure = wish(RecordSubscriptionFailure, request_id=SUB, code="x")
    revived, events = when(Subscriber(), request(), failure, snapshot())
    assert revived.live is not None
    assert names(events)[2:] == ["SubscriptionStarted", "SubscriptionObserved"]
    second = request(subscription_id="sub_2")
    subscriber, events = when(Subscriber(), request(), failure, second, snapshot(), snapshot())
    assert names(events)[3:] == ["DuplicateSubscriptionFound"]
    assert fx.CancelSubscription(USER, SUB, "duplicate_sub_1", at_once=True) in effects(events)
    subscriber, events = when(subscriber, snapshot("canceled"))
    assert names(events) == ["SubscriptionCanceled"]


LOST = LostSubscription(stripe_customer_id="cus_1", catalogue_version="2026-03")


def test_one_that_a_restored_ledger_has_lost_is_taken_up_as_it_is() -> None:
    subscriber, events = when(Subscriber(), snapshot(lost=LOST))
    assert names(events) == ["SubscriptionRequested", "SubscriptionStarted", "SubscriptionObserved"]
    assert (subscriber.user_id, the(subscriber).status) == (USER, "active")
    assert decide(request(), subscriber) == (), "the request that made it comes again"
    assert decide(snapshot(lost=LOST), subscriber) == ()
    with pytest.raises(SubscriptionExists):
        decide(request(subscription_id="sub_2"), subscriber)


def test_the_repeat_and_stripes_word_of_a_lost_one_end_alike_in_any_order() -> None:
    told = snapshot(lost=LOST)
    assert when(Subscriber(), request(), told)[0] == when(Subscriber(), told, request())[0]


def test_a_lost_one_beside_a_live_one_is_canceled() -> None:
    subscriber, events = when(Subscriber(), request(subscription_id="sub_2"), snapshot(lost=LOST))
    assert names(events)[1:] == ["SubscriptionRequested", "DuplicateSubscriptionFound"]
    assert fx.CancelSubscription(USER, SUB, "duplicate_sub_1", at_once=True) in effects(events)
    assert subscriber.live is not None
    assert subscriber.live.subscription_id == "sub_2"


def test_a_lost_one_that_has_ended_stays_ended() -> None:
    subscriber, events = when(Subscriber(), snapshot("canceled", lost=LOST, ended_at=NOON_14))
    assert names(events)[0] == "SubscriptionRequested"
    assert the(subscriber).status == "canceled"


def test_one_that_names_another_ledger_is_refused_so_that_somebody_looks() -> None:
    with pytest.raises(NotFound, match="another ledger"):
        decide(snapshot(), Subscriber())


def test_the_trial_is_once() -> None:
    trial = snapshot("trialing", trial_end=START + 14 * DAY)
    subscriber, _ = when(Subscriber(), request(trial_days=14), trial, snapshot("canceled", ended_at=NOON_14))
    with pytest.raises(TrialUsed, match="without it"):
        decide(request(subscription_id="sub_2", trial_days=14), subscriber)
    assert decide(request(subscription_id="sub_2"), subscriber)


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"tier": "free"}, UnknownTier),
        ({"tier": "gold"}, UnknownTier),
        ({"interval": "week"}, UnknownTier),
        ({"price_minor": 0}, InvalidPrice),
        ({"currency": "USD"}, InvalidPrice),
        ({"trial_days": -1}, InvalidTrial),
        ({"payment_method_id": ""}, InvalidText),
        ({"stripe_customer_id": "c\0"}, InvalidText),
    ],
)
def test_a_request_that_makes_no_sense_is_refused(changes: dict[str, Any], refusal: type[Refused]) -> None:
    with pytest.raises(refusal) as refused:
        decide(request(**changes), Subscriber())
    assert len(refused.value.detail) > 20


def test_an_upgrade_is_in_force_when_stripe_shows_it() -> None:
    pending = PendingUpdate(tier="enterprise", interval="month", expires_at=NOON_14 + DAY)
    subscriber, events = when(
        subscribed(),
        upgrade(),
        snapshot(observed_at=NOON_14, pending_update=pending),
    )
    assert names(events)[:2] == ["SubscriptionChangeRequested", "SubscriptionChangePending"]
    assert effects(events) == [fx.ChangeSubscription(USER, SUB, "chg_1")]
    assert the(subscriber).tier == "pro"
    paid = snapshot(observed_at=NOON_14 + DAY, tier="enterprise", price_minor=9900)
    subscriber, events = when(subscriber, paid)
    assert isinstance(events[0], SubscriptionChanged)
    assert (events[0].change_id, events[0].was_tier, the(subscriber).tier) == ("chg_1", "pro", "enterprise")
    expired = snapshot(observed_at=NOON_14 + DAY)
    subscriber, _ = when(subscribed(), upgrade(), snapshot(observed_at=NOON_14, pending_update=pending))
    failed = decide(expired, subscriber)[0]
    assert failed == SubscriptionChangeFailed(subscription_id=SUB, change_id="chg_1", code="expired")


@pytest.mark.parametrize(
    ("command", "refusal"),
    [
        (upgrade(expected_minor=None), PreviewRequired),
        (upgrade(proration_at=None), PreviewRequired),
        (upgrade(expected_minor=EXPECTED + 1), PreviewMismatch),
        (upgrade(price_minor=9800), PreviewMismatch),
        (upgrade(effective_at=NOON_14 + DAY / 24), PreviewExpired),
        (upgrade(effective_at=NOON_14 - DAY), PreviewMismatch),
        (upgrade(proration_at=END, effective_at=END), PreviewExpired),
        (upgrade(currency="eur"), CurrencyMismatch),
        (change("free", price=999), UnknownTier),
        (change("pro", price=999), SamePlan),
    ],
)
def test_an_upgrade_whose_preview_no_longer_holds_is_refused(
    command: SubscriptionCommand, refusal: type[Refused]
) -> None:
    with pytest.raises(refusal) as refused:
        decide(command, subscribed())
    assert len(refused.value.detail) > 20


def test_a_downgrade_waits_for_the_end_of_the_period() -> None:
    subscriber, events = when(on_enterprise(), downgrade())
    assert isinstance(events[0], SubscriptionChangeScheduled)
    assert events[0].at == END
    shown_early = snapshot(observed_at=NOON_14, tier="pro", price_minor=999)
    subscriber, _ = when(subscriber, shown_early)
    assert the(subscriber).tier == "enterprise", "the period was paid for"
    renewed = snapshot(
        observed_at=END, period_start=END, period_end=END + 31 * DAY, tier="pro", price_minor=999
    )
    subscriber, events = when(subscriber, renewed)
    assert names(events) == ["SubscriptionPeriodRenewed", "SubscriptionChanged", "SubscriptionObserved"]
    assert the(subscriber).change is None
    not_applied = snapshot(observed_at=END, period_start=END, tier="enterprise", price_minor=9900)
    _, events = when(on_enterprise(), downgrade(), not_applied)
    assert SubscriptionChangeFailed(subscription_id=SUB, change_id="chg_1", code="not_applied") in events


def test_a_later_change_supersedes_an_earlier_one_and_the_present_plan_withdraws_it() -> None:
    scheduled, _ = when(on_enterprise(), downgrade())
    more = change(
        "enterprise",
        "year",
        99_000,
        change_id="chg_2",
        effective_at=START,
        proration_at=START,
        expected_minor=99_000 - 9_900,
    )
    _, events = when(scheduled, more)
    assert events[0] == SubscriptionChangeSuperseded(subscription_id=SUB, change_id="chg_1", by="chg_2")
    assert effects(events) == [fx.ChangeSubscription(USER, SUB, "chg_2")]
    _, events = when(scheduled, change("enterprise", change_id="chg_2", effective_at=NOON_14))
    assert events == (SubscriptionChangeSuperseded(subscription_id=SUB, change_id="chg_1"),)
    assert effects(events) == [fx.WithdrawChange(USER, SUB, "chg_1")]
    with pytest.raises(SamePlan, match="on its way"):
        decide(downgrade(change_id="chg_2"), scheduled)


def test_a_downgrade_to_another_interval_is_refused_and_drops_nothing() -> None:
    scheduled, _ = when(on_enterprise(), downgrade())
    with pytest.raises(IntervalChange, match="subscribe anew"):
        decide(change("pro", "year", 9990, change_id="chg_2", effective_at=NOON_14), scheduled)


def test_what_stripe_still_shows_of_a_withdrawn_downgrade_is_no_change() -> None:
    kept = change("enterprise", change_id="chg_2", effective_at=NOON_14)
    still_shown = snapshot(observed_at=NOON_14, tier="pro", price_minor=999)
    subscriber, events = when(on_enterprise(), downgrade(), kept, still_shown)
    assert "SubscriptionChanged" not in names(events)
    assert (the(subscriber).tier, the(subscriber).price_minor) == ("enterprise", 9900), "it was paid for"
    billed = snapshot(
        observed_at=END, period_start=END, period_end=END + 31 * DAY, tier="pro", price_minor=999
    )
    subscriber, _ = when(subscriber, billed)
    assert the(subscriber).tier == "pro"


def test_nothing_else_is_changed_while_a_change_is_unknown() -> None:
    unknown = wish(RecordSubscriptionUnknown, request_id="chg_1", cause="timeout")
    subscriber, events = when(subscribed(), upgrade(), unknown, unknown)
    assert effects(events)[1:] == [fx.ResolveSubscription(USER, SUB, "chg_1")]
    for command in (upgrade(change_id="chg_2"), wish(RequestCancellation)):
        with pytest.raises(RequestInProgress):
            decide(command, subscriber)
    failure = wish(RecordSubscriptionFailure, request_id="chg_1", code="card_declined")
    assert names(when(subscriber, failure, failure)[1]) == ["SubscriptionChangeFailed"]


def test_a_cancellation_is_scheduled_and_can_be_withdrawn() -> None:
    canceling = snapshot(observed_at=NOON_14, cancel_at=END)
    subscriber, events = when(subscribed(), wish(RequestCancellation), canceling, wish(RequestCancellation))
    assert names(events) == ["CancellationRequested", "CancellationScheduled", "SubscriptionObserved"]
    with pytest.raises(CancellationPending, match=r"T\d\d:\d\d:\d\dZ; withdraw"):
        decide(upgrade(), subscriber)
    kept = snapshot(observed_at=NOON_14 + DAY)
    subscriber, events = when(subscriber, wish(RequestCancellationWithdrawal), kept)
    assert names(events)[:2] == ["CancellationWithdrawalRequested", "CancellationWithdrawn"]
    assert effects(events) == [fx.KeepSubscription(USER, SUB, "req_1")]
    with pytest.raises(NotCanceling):
        decide(wish(RequestCancellationWithdrawal), subscriber)


def test_a_cancellation_at_once_ends_the_service_too() -> None:
    ended = snapshot("canceled", ended_at=NOON_14, cancellation_reason="too_expensive")
    subscriber, events = when(subscribed(), wish(RequestCancellation, at_once=True), ended, snapshot())
    assert names(events) == ["CancellationRequested", "SubscriptionCanceled"]
    assert effects(events) == [
        fx.CancelSubscription(USER, SUB, "req_1", at_once=True),
        fx.EndSubscriptionService(USER, SUB, NOON_14),
        fx.EndCollection(USER, SUB, NOON_14),
    ]
    with pytest.raises(SubscriptionEnded, match="anew"):
        decide(wish(RequestPause), subscriber)


def test_canceling_drops_a_downgrade_that_waits() -> None:
    _, events = when(on_enterprise(), downgrade(), wish(RequestCancellation))
    assert names(events)[1:] == ["SubscriptionChangeSuperseded", "CancellationRequested"]
    with pytest.raises(SubscriptionNotActive, match="at once"):
        decide(wish(RequestCancellation), subscribed("incomplete"))


def test_pausing_and_resuming() -> None:
    paused = snapshot(observed_at=NOON_14, collection_paused=True)
    subscriber, events = when(subscribed(), wish(RequestPause), paused, wish(RequestPause))
    assert names(events)[:2] == ["PauseRequested", "SubscriptionStatusChanged"]
    subscriber, events = when(subscriber, wish(RequestResume), snapshot(observed_at=NOON_14 + DAY))
    assert effects(events) == [fx.ResumeSubscription(USER, SUB, "req_1")]
    assert the(subscriber) == the(when(subscriber, snapshot(observed_at=NOON_14 + DAY))[0])
    with pytest.raises(NotPaused):
        decide(wish(RequestResume), subscriber)
    with pytest.raises(SubscriptionNotActive):
        decide(wish(RequestPause), subscribed("past_due"))


def test_a_new_card_is_tried_at_once_on_the_invoice_that_waits_for_it() -> None:
    due = snapshot("past_due", observed_at=NOON_14, past_due_since=NOON_14, open_invoice_id="in_1")
    card = wish(RequestPaymentMethodChange, payment_method_id="pm_2")
    shown = snapshot(
        "past_due",
        observed_at=NOON_14 + DAY,
        past_due_since=NOON_14,
        open_invoice_id="in_1",
        payment_method_id="pm_2",
    )
    subscriber, events = when(subscribed(), due, card, shown)
    changed = PaymentMethodChanged(subscription_id=SUB, payment_method_id="pm_2", open_invoice_id="in_1")
    assert changed in events
    assert effects(events) == [
        fx.UpdateSubscriptionCard(USER, SUB, "req_1"),
        fx.RetryWithNewCard(USER, SUB, "in_1"),
    ]
    assert decide(card, subscriber) == ()


def test_the_card_that_it_began_with_is_not_tried_twice() -> None:
    shown = snapshot("incomplete", payment_method_id="pm_real", open_invoice_id="in_1")
    _, events = when(Subscriber(), request(), shown)
    assert effects(events) == [fx.CreateSubscription(USER, SUB)]


def test_one_request_at_a_time() -> None:
    unknown = wish(RecordSubscriptionUnknown, request_id="req_1", cause="timeout")
    subscriber, events = when(subscribed(), wish(RequestPause), unknown, unknown)
    assert names(events) == ["PauseRequested", "SubscriptionOutcomeUnknown"]
    with pytest.raises(RequestInProgress, match="pause"):
        decide(wish(RequestCancellation), subscriber)
    failure = wish(RecordSubscriptionFailure, request_id="req_1", code="x")
    _, events = when(subscriber, failure, failure, wish(RequestCancellation))
    assert names(events) == ["SubscriptionRequestFailed", "CancellationRequested"]


def test_after_21_days_past_due_it_is_unpaid_and_after_51_it_ends() -> None:
    due = subscribed("past_due", past_due_since=START)
    tick = [wish(AdvanceDunning, command_id=f"t{day}", effective_at=START + day * DAY) for day in range(53)]
    subscriber, events = when(due, *tick)
    assert [type(one) for one in events] == [SubscriptionStatusChanged, CancellationRequested]
    assert when(due, *tick[:21])[1] == ()
    late = snapshot("past_due", observed_at=START + 22 * DAY, past_due_since=START)
    assert the(when(subscriber, late)[0]).status == "unpaid", "Stripe goes on calling it past due"
    paid, events = when(subscriber, late, snapshot(observed_at=START + 25 * DAY))
    assert (the(paid).status, the(paid).past_due_since) == ("active", None)


def test_periods_that_nobody_saw_are_filled_from_the_invoices_or_the_anchor() -> None:
    days = [(1, 31), (2, 28), (3, 31), (4, 30), (5, 31), (6, 30)]
    ends = [START.replace(month=month, day=day) for month, day in days]
    billed = BilledPeriod(period_start=ends[1], period_end=ends[2], stripe_invoice_id="in_2")
    shown = snapshot(observed_at=ends[4], period_start=ends[4], period_end=ends[5], periods=(billed,))
    _, events = when(subscribed(), shown)
    renewed = [one for one in events if isinstance(one, SubscriptionPeriodRenewed)]
    assert [(one.period_start, one.period_end) for one in renewed] == list(pairwise(ends[1:]))
    assert [one.stripe_invoice_id for one in renewed] == ["in_2", "", "", ""]


def test_the_end_is_final_whatever_is_still_shown() -> None:
    subscriber, _ = when(subscribed(), snapshot("canceled", ended_at=NOON_14))
    for odd in (
        snapshot(observed_at=END, tier="enterprise", price_minor=9900),
        snapshot(observed_at=END, period_start=END, payment_method_id="pm_2"),
        snapshot("canceled", observed_at=END, tier="enterprise"),
    ):
        assert decide(odd, subscriber) == ()


def test_a_new_anchor_cuts_the_period_short() -> None:
    yearly = snapshot(
        observed_at=NOON_14,
        interval="year",
        price_minor=9990,
        anchor_at=NOON_14,
        period_start=NOON_14,
        period_end=NOON_14.replace(year=2027),
    )
    _, events = when(subscribed(), yearly)
    assert events[0] == SubscriptionPeriodRenewed(
        subscription_id=SUB, period_start=NOON_14, period_end=yearly.period_end, anchor_at=NOON_14
    )


def test_steps_that_nobody_saw_are_told_in_their_order() -> None:
    _, events = when(Subscriber(), request(), snapshot("unpaid", past_due_since=START))
    assert [
        one.status for one in events if isinstance(one, SubscriptionStarted | SubscriptionStatusChanged)
    ] == [
        "active",
        "past_due",
        "unpaid",
    ]
    _, events = when(Subscriber(), request(), snapshot("incomplete_expired"), snapshot())
    assert names(events)[1:] == ["SubscriptionStarted", "SubscriptionStatusChanged"]


def test_one_that_ends_with_its_period_ends_no_service_early() -> None:
    _, events = when(subscribed(), snapshot("canceled", ended_at=END))
    assert isinstance(events[-1], SubscriptionCanceled)
    assert effects(events) == [fx.EndCollection(USER, SUB, END)]


def test_a_subscription_of_nobody_is_not_found() -> None:
    for command in (snapshot(), wish(RequestPause), upgrade()):
        with pytest.raises(NotFound, match="sub_1"):
            decide(command, Subscriber())


def test_people_ask_and_only_the_system_reports() -> None:
    student = Origin(actor=USER, roles=frozenset({"student"}))
    check(request(), student)
    check(wish(RequestPause), student)
    for command in (snapshot(), wish(AdvanceDunning)):
        with pytest.raises(Forbidden):
            check(command, student)
