"""What must hold of a user's subscriptions whatever is asked, reported, repeated, reordered or lost."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import reduce
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from msgspec.structs import replace

from ledger.catalogue import DEFAULT_CATALOGUE
from ledger.errors import Refused
from ledger.features import GRACE, access
from ledger.subscriptions.changes import preview_change
from ledger.subscriptions.commands import (
    AdvanceDunning,
    PendingUpdate,
    RecordSubscriptionFailure,
    RecordSubscriptionSnapshot,
    RecordSubscriptionUnknown,
    RequestCancellation,
    RequestCancellationWithdrawal,
    RequestPause,
    RequestPaymentMethodChange,
    RequestResume,
    SubscriptionCommand,
)
from ledger.subscriptions.decider import SUBSCRIBER
from ledger.subscriptions.events import (
    DuplicateSubscriptionFound,
    SubscriptionCanceled,
    SubscriptionEvent,
    SubscriptionOutcomeUnknown,
    SubscriptionPeriodRenewed,
    SubscriptionRequested,
    SubscriptionRequestFailed,
    SubscriptionStarted,
    SubscriptionStatusChanged,
)
from ledger.subscriptions.proration import boundary
from ledger.subscriptions.state import ENDED, TRANSITIONS, Subscriber
from tests.ledger.strategies import events_of
from tests.ledger.subscription_examples import DAY, START, SUB, USER, change, request, snapshot, when, wish

PLANS = {"pro": 999, "enterprise": 9900}


@st.composite
def histories(  # noqa: C901 - one branch for each thing that happens at Stripe
    draw: st.DrawFn, *, ends: bool | None = None
) -> list[RecordSubscriptionSnapshot]:
    """A subscription at Stripe as it would be shown after each of its steps, oldest first."""
    trial = draw(st.booleans())
    at, periods = START, 0
    first_end = START + 14 * DAY if trial else boundary(START, "month", 1)
    anchor = first_end if trial else START
    now = snapshot(
        "trialing" if trial else draw(st.sampled_from(["incomplete", "active"])),
        anchor_at=anchor,
        period_end=first_end,
        trial_end=first_end if trial else None,
    )
    shown = [now]
    for _ in range(draw(st.integers(0, 7))):
        at = at + draw(st.integers(1, 6)) * DAY
        step = draw(
            st.sampled_from(["renew", "renew", "fail", "pay", "plan", "cancel", "keep", "pause", "card"])
        )
        if now.status == "incomplete":
            step = "pay"
        match step:
            case "renew":
                periods += 1
                at = now.period_end
                now = replace(
                    now,
                    status="active" if now.status == "trialing" else now.status,
                    period_start=at,
                    period_end=boundary(anchor, "month", periods if trial else periods + 1),
                )
            case "fail" if now.status == "active":
                now = replace(now, status="past_due", past_due_since=at, open_invoice_id=f"in_{len(shown)}")
            case "pay" if now.status in {"past_due", "incomplete"}:
                now = replace(now, status="active", past_due_since=None, open_invoice_id="")
            case "plan":
                tier = draw(st.sampled_from(sorted(PLANS)))
                now = replace(now, tier=tier, price_minor=PLANS[tier])
            case "cancel":
                now = replace(now, cancel_at=now.period_end)
            case "keep":
                now = replace(now, cancel_at=None)
            case "pause":
                now = replace(now, collection_paused=not now.collection_paused)
            case "card":
                now = replace(now, payment_method_id=draw(st.sampled_from(["pm_1", "pm_2"])))
            case _:
                continue
        now = replace(now, observed_at=at)
        shown.append(now)
    if draw(st.booleans()) if ends is None else ends:
        status = "incomplete_expired" if now.status == "incomplete" else "canceled"
        shown.append(replace(now, status=status, observed_at=at + DAY, ended_at=at + DAY, cancel_at=None))
    return shown


@for_all(st.data())
def test_any_order_repetition_and_loss_of_snapshots_ends_alike(data: st.DataObject) -> None:
    history = data.draw(histories())
    some = data.draw(st.lists(st.sampled_from(history), max_size=2 * len(history)))
    arrived = data.draw(st.permutations([*some, history[-1]]))
    start, _ = when(Subscriber(), request())
    in_order, _ = when(start, *history)
    as_arrived, facts = when(start, *arrived)
    assert as_arrived == in_order
    check_facts(facts)


def check_facts(facts: Sequence[SubscriptionEvent]) -> None:
    check_steps(facts)
    check_periods(facts)


def check_periods(facts: Sequence[SubscriptionEvent]) -> None:
    """They touch unless the anchor moved."""
    periods: dict[str, list[SubscriptionStarted | SubscriptionPeriodRenewed]] = {}
    for event in facts:
        if isinstance(event, SubscriptionStarted | SubscriptionPeriodRenewed):
            periods.setdefault(event.subscription_id, []).append(event)
    for told in periods.values():
        for before, after in pairwise(told):
            moved = after.anchor_at is not None
            assert after.period_start == before.period_end or (
                moved and before.period_start <= after.period_start < before.period_end
            )


def check_steps(facts: Sequence[SubscriptionEvent]) -> None:
    """Statuses only take steps that are listed."""
    statuses: dict[str, list[str]] = {}
    for event in facts:
        steps = statuses.setdefault(event.subscription_id, [])
        match event:
            case SubscriptionRequested():
                steps.append("requested")
            case SubscriptionOutcomeUnknown(request="create"):
                steps.append("unknown")
            case SubscriptionRequestFailed(request="create"):
                steps.append("failed")
            case SubscriptionStarted():
                steps.append(event.status)
            case DuplicateSubscriptionFound():
                steps.append("duplicate")
            case SubscriptionStatusChanged():
                assert not steps or steps[-1] == event.was
                steps.append(event.status)
            case SubscriptionCanceled():
                assert not steps or steps[-1] == event.was
                steps.append("canceled")
            case _:
                pass
    for steps in statuses.values():
        assert all(after in TRANSITIONS[before] for before, after in pairwise(steps))


class Stripe:
    """What Stripe would do with our requests, and what it would show."""

    def __init__(self, command: Any, at: datetime) -> None:
        trial = bool(command.trial_days)
        end = at + command.trial_days * DAY if trial else boundary(at, command.interval, 1)
        self.count = 0 if trial else 1
        self.now = snapshot(
            "trialing" if trial else "active",
            subscription_id=command.subscription_id,
            observed_at=at,
            anchor_at=end if trial else at,
            period_start=at,
            period_end=end,
            trial_end=end if trial else None,
            tier=command.tier,
            price_minor=command.price_minor,
        )

    @property
    def over(self) -> bool:
        return self.now.status in ENDED

    def become(self, at: datetime, **changes: Any) -> None:
        if not self.over:
            self.now = replace(self.now, observed_at=at, effective_at=at, **changes)

    def renew(self) -> None:
        self.count += 1
        start = self.now.period_end
        if self.now.cancel_at is not None and self.now.cancel_at <= start:
            self.become(start, status="canceled", ended_at=start, cancel_at=None)
            return
        status = "active" if self.now.status == "trialing" else self.now.status
        end = boundary(self.now.anchor_at, "month", self.count)
        self.become(start, status=status, period_start=start, period_end=end)


class Subscriptions(RuleBasedStateMachine):
    """Ann asks for things, time goes by, Stripe does and shows things, and its news come as they like."""

    def __init__(self) -> None:
        super().__init__()
        self.subscriber = Subscriber()
        self.facts: list[SubscriptionEvent] = []
        self.refusals: list[Refused] = []
        self.at = START
        self.count = 0
        self.stripe: dict[str, Stripe] = {}
        self.sent: list[RecordSubscriptionSnapshot] = []

    def do(self, command: SubscriptionCommand) -> bool:
        try:
            events = SUBSCRIBER.decide(command, self.subscriber)
        except Refused as refusal:
            self.refusals.append(refusal)
            return False
        self.subscriber = reduce(SUBSCRIBER.evolve, events, self.subscriber)
        self.facts += events
        return True

    def current(self) -> str:
        live = self.subscriber.live
        return live.subscription_id if live else SUB

    def id(self) -> str:
        self.count += 1
        return f"id_{self.count}"

    @rule(days=st.integers(0, 20), hours=st.integers(1, 23))
    def time_goes_by(self, days: int, hours: int) -> None:
        self.at += timedelta(days=days, hours=hours)
        for one in self.stripe.values():
            while not one.over and one.now.period_end <= self.at:
                one.renew()
                self.sent.append(one.now)

    @rule(tier=st.sampled_from(sorted(PLANS)), trial_days=st.sampled_from([0, 14]), reaches=st.booleans())
    def ann_subscribes(self, tier: str, trial_days: int, *, reaches: bool) -> None:
        command = request(
            subscription_id=f"sub_{self.id()}",
            tier=tier,
            price_minor=PLANS[tier],
            trial_days=trial_days,
            effective_at=self.at,
        )
        if self.do(command) and reaches:
            self.stripe[command.subscription_id] = Stripe(command, self.at)
            self.sent.append(self.stripe[command.subscription_id].now)

    @rule(unknown=st.booleans())
    def a_call_goes_wrong(self, *, unknown: bool) -> None:
        """Even when Stripe did it: our reading of an answer can be wrong."""
        live = self.subscriber.live
        if live is None:
            return
        pending = live.request.request_id if live.request else live.change.change_id if live.change else ""
        about: dict[str, Any] = {
            "command_id": "cmd",
            "effective_at": self.at,
            "user_id": USER,
            "subscription_id": live.subscription_id,
            "request_id": pending or live.subscription_id,
        }
        if unknown:
            self.do(RecordSubscriptionUnknown(**about, cause="timeout"))
        else:
            self.do(RecordSubscriptionFailure(**about, code="resource_missing"))

    @rule(
        kind=st.sampled_from(
            [RequestPause, RequestResume, RequestCancellationWithdrawal, RequestCancellation]
        )
    )
    def ann_asks(self, kind: Any) -> None:
        name = self.current()
        if not self.do(wish(kind, subscription_id=name, request_id=self.id(), effective_at=self.at)):
            return
        if (one := self.stripe.get(name)) is None:
            return
        match kind.__name__:
            case "RequestPause":
                one.become(self.at, collection_paused=True)
            case "RequestResume":
                one.become(self.at, collection_paused=False)
            case "RequestCancellationWithdrawal":
                one.become(self.at, cancel_at=None)
            case _:
                one.become(self.at, cancel_at=one.now.period_end)
        self.sent.append(one.now)

    @rule()
    def ann_cancels_at_once(self) -> None:
        name = self.current()
        asked = self.do(
            wish(
                RequestCancellation,
                subscription_id=name,
                request_id=self.id(),
                at_once=True,
                effective_at=self.at,
            )
        )
        if asked and (one := self.stripe.get(name)) is not None:
            one.become(self.at, status="canceled", ended_at=self.at, cancel_at=None)
            self.sent.append(one.now)

    @rule(tier=st.sampled_from(sorted(PLANS)), pays=st.booleans())
    def ann_changes_the_plan(self, tier: str, *, pays: bool) -> None:
        live = self.subscriber.live
        if live is None or live.period_end is None or live.period_start is None:
            return
        expected = preview_change(live, tier, PLANS[tier], "month", self.at).charge_minor
        wanted = change(
            tier,
            price=PLANS[tier],
            subscription_id=live.subscription_id,
            change_id=self.id(),
            proration_at=self.at,
            expected_minor=expected,
            effective_at=self.at,
        )
        if not self.do(wanted) or (one := self.stripe.get(live.subscription_id)) is None:
            return
        if PLANS[tier] > live.price_minor:
            update = PendingUpdate(tier=tier, interval="month")
            changes: dict[str, Any] = (
                {"tier": tier, "price_minor": PLANS[tier]} if pays else {"pending_update": update}
            )
            one.become(self.at, **changes)
            self.sent.append(one.now)

    @rule(card=st.sampled_from(["pm_1", "pm_2"]))
    def ann_takes_another_card(self, card: str) -> None:
        name = self.current()
        command = wish(
            RequestPaymentMethodChange,
            subscription_id=name,
            request_id=self.id(),
            payment_method_id=card,
            effective_at=self.at,
        )
        if self.do(command) and (one := self.stripe.get(name)) is not None:
            one.become(self.at, payment_method_id=card)
            self.sent.append(one.now)

    @rule(fails=st.booleans())
    def stripe_charges(self, *, fails: bool) -> None:
        one = self.stripe.get(self.current())
        if one is None or one.over:
            return
        if fails and one.now.status == "active":
            one.become(self.at, status="past_due", past_due_since=self.at)
        elif not fails and one.now.status == "past_due":
            one.become(self.at, status="active", past_due_since=None)
        self.sent.append(one.now)

    @rule()
    def dunning_ticks(self) -> None:
        self.do(wish(AdvanceDunning, subscription_id=self.current(), effective_at=self.at))

    @precondition(lambda self: self.sent)
    @rule(data=st.data())
    def news_comes(self, data: st.DataObject) -> None:
        """Any of what was ever sent: late, again, out of order; the rest is lost."""
        self.do(data.draw(st.sampled_from(self.sent)))

    @precondition(lambda self: self.stripe)
    @rule()
    def we_catch_up(self) -> None:
        for name, one in self.stripe.items():
            self.do(one.now)
            known = self.subscriber.subscriptions[name]
            if one.over:
                assert known.status in {*ENDED, "failed"}
            elif known.live:
                assert known.status == one.now.status or known.status in {"paused", "unpaid"}
                assert (known.period_start, known.period_end) == (one.now.period_start, one.now.period_end)
                assert (known.tier, known.cancel_at) == (one.now.tier, one.now.cancel_at)
            again = SUBSCRIBER.decide(one.now, self.subscriber)
            assert again == (), "the same news is no news"

    @invariant()
    def at_most_one_is_live(self) -> None:
        assert sum(one.live for one in self.subscriber.subscriptions.values()) <= 1

    @invariant()
    def refusals_say_what_to_do(self) -> None:
        assert all(len(refusal.detail) > 20 and refusal.code != "refused" for refusal in self.refusals)

    @invariant()
    def one_trial(self) -> None:
        trials = [one for one in self.facts if isinstance(one, SubscriptionStarted) and one.trial_end]
        assert len(trials) <= 1 or any(isinstance(one, DuplicateSubscriptionFound) for one in self.facts)

    @invariant()
    def steps_are_listed_and_periods_touch(self) -> None:
        check_facts(self.facts)

    @invariant()
    def access_is_the_pure_function(self) -> None:
        live = self.subscriber.live
        status = live.status if live else ""
        since = live.past_due_since if live else None
        tier = live.tier if live else "free"
        told = access(tier, status, self.at, since, DEFAULT_CATALOGUE, "certificates").allowed
        in_grace = status == "past_due" and since is not None and self.at < since + GRACE
        assert told == (status in {"active", "trialing"} or in_grace)


Subscriptions.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestSubscriptions = Subscriptions.TestCase


@for_all(st.lists(events_of(SUBSCRIBER.events), max_size=10), histories())
def test_reports_are_taken_after_any_history(
    history: list[SubscriptionEvent], shown: list[RecordSubscriptionSnapshot]
) -> None:
    known, _ = when(Subscriber(), request())
    subscriber, _ = when(reduce(SUBSCRIBER.evolve, history, known), *shown)
    assert SUB in subscriber.subscriptions


@pytest.mark.parametrize("status", [*TRANSITIONS])
def test_each_status_leads_only_to_statuses_that_are_listed(status: str) -> None:
    assert set(TRANSITIONS[status]) <= set(TRANSITIONS)
    assert (not TRANSITIONS[status]) == (status in ENDED)
