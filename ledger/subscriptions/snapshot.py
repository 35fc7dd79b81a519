"""What is new in a snapshot of a subscription at Stripe.

A subscription goes to and fro (canceling and not, past due and not, one plan and another and back), so no
rank of its statuses could order its snapshots. They are ordered by the period that they are in and then by
when Stripe was asked; an older one is no news. Whichever order they are recorded in, the newest holds. The
end is final, and what lies between two snapshots is filled in: periods, and steps from status to status.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import cache, reduce

from msgspec.structs import replace

from ledger.subscriptions.commands import BilledPeriod, LostSubscription, RecordSubscriptionSnapshot
from ledger.subscriptions.discounts import discounted
from ledger.subscriptions.events import (
    CancellationScheduled,
    CancellationWithdrawn,
    DuplicateSubscriptionFound,
    PaymentMethodChanged,
    SubscriptionCanceled,
    SubscriptionChanged,
    SubscriptionChangeFailed,
    SubscriptionChangePending,
    SubscriptionDiscounted,
    SubscriptionEvent,
    SubscriptionObserved,
    SubscriptionPeriodRenewed,
    SubscriptionRequested,
    SubscriptionStarted,
    SubscriptionStatusChanged,
)
from ledger.subscriptions.proration import boundaries
from ledger.subscriptions.state import (
    ENDED,
    TRANSITIONS,
    Change,
    Subscriber,
    Subscription,
    SubscriptionStatus,
    evolve,
)

PENDING_UPDATE_LASTS = timedelta(hours=24)
"""Stripe drops an update that is not paid after 23 hours.
https://docs.stripe.com/billing/subscriptions/pending-updates"""
_NOT_BEGUN = frozenset({"requested", "unknown", "failed"})
_DEBT = frozenset({"past_due", "unpaid"})
_COLLECTING = frozenset({"active", "trialing", "past_due"})


def new_facts(command: RecordSubscriptionSnapshot, subscriber: Subscriber) -> tuple[SubscriptionEvent, ...]:
    """The facts of `command` that are not known of its subscription, in one canonical order."""
    known = subscriber.subscriptions[command.subscription_id]
    if known.status in ENDED or _is_stale(command, known):
        return ()
    if not command.tier:  # no plan of ours is billed: what was bought last goes on to count
        command = replace(command, tier=known.tier)
    if (
        known.status in {"failed", "duplicate"}
        and (surplus := _surplus(command, known, subscriber)) is not None
    ):
        return surplus
    events: list[SubscriptionEvent] = []
    # one that Stripe began without our having seen it begins here first, so that the steps find a period
    begun = known.status not in _NOT_BEGUN and known.period_start is not None
    if not begun:
        events += [*_discounts(command, known), _started(command, known)]
    # Each step looks at what those before it leave. Of what has ended nothing more is told, so that periods,
    # plan and card come before the status that may be the end.
    for step in (_periods, _plan, _discounts, _payment_method, _status_changes, _cancellation, _observed):
        now = reduce(evolve, events, subscriber).subscriptions[command.subscription_id]
        if now.status in ENDED:
            break
        events += step(command, now)
    return tuple(events if begun else map(_without_retry, events))


def take_up(
    command: RecordSubscriptionSnapshot, lost: LostSubscription, subscriber: Subscriber
) -> tuple[SubscriptionEvent, ...]:
    """One of ours whose request is gone here, by the plan that it has now. In one decision with its state, so
    that what follows from its request finds nothing left to do. Beside a live one it is a duplicate.
    """
    requested = SubscriptionRequested(
        subscription_id=command.subscription_id,
        user_id=command.user_id,
        tier=command.tier,
        interval=command.interval,
        currency=command.currency,
        price_minor=command.price_minor,
        catalogue_version=lost.catalogue_version,
        payment_method_id=command.payment_method_id,
        stripe_customer_id=lost.stripe_customer_id,
        trial_days=lost.trial_days,
        page=lost.page,
    )
    live = subscriber.live
    if live is None or command.status in ENDED:
        return requested, *new_facts(command, evolve(subscriber, requested))
    return requested, _duplicate(command, live)


def _is_stale(command: RecordSubscriptionSnapshot, known: Subscription) -> bool:
    if known.observed_at is None or known.period_start is None or command.status in ENDED:
        return False  # nothing was seen before, or it is the end, which is later than all
    # the period first: it is Stripe's, and only goes on, while the time is by our clock
    return (command.period_start, command.observed_at) < (known.period_start, known.observed_at)


def _surplus(
    command: RecordSubscriptionSnapshot, known: Subscription, subscriber: Subscriber
) -> tuple[SubscriptionEvent, ...] | None:
    """Facts of one held to be refused, when it is over or another one is live; None when it may begin."""
    live = subscriber.live
    if known.status == "duplicate":
        if command.status not in ENDED:
            return ()  # its end was asked for when it was found
        return (_canceled(command, known.status),)
    if command.status in ENDED:
        return ()  # refused, and over: as good as never begun
    if live is None:
        return None
    return (_duplicate(command, live),)


def _duplicate(command: RecordSubscriptionSnapshot, live: Subscription) -> DuplicateSubscriptionFound:
    return DuplicateSubscriptionFound(
        subscription_id=command.subscription_id,
        stripe_subscription_id=command.stripe_subscription_id,
        live_subscription_id=live.subscription_id,
    )


def _started(command: RecordSubscriptionSnapshot, known: Subscription) -> SubscriptionStarted:
    first = _billed(command)[0]  # `_periods` goes on from there to the present one
    return SubscriptionStarted(
        subscription_id=command.subscription_id,
        stripe_subscription_id=command.stripe_subscription_id,
        # only the first step: `_status_changes` takes the others, each a fact of its own
        status=(_way(known.status, _status(command, known)) or ("incomplete",))[0],
        anchor_at=command.anchor_at,
        period_start=first.period_start,
        period_end=first.period_end,
        trial_end=command.trial_end,
    )


def _without_retry(event: SubscriptionEvent) -> SubscriptionEvent:
    """The card that a subscription began with was just tried."""
    if not isinstance(event, PaymentMethodChanged):
        return event
    return PaymentMethodChanged(
        subscription_id=event.subscription_id, payment_method_id=event.payment_method_id
    )


def _billed(command: RecordSubscriptionSnapshot) -> list[BilledPeriod]:
    """All periods up to the present one that Stripe tells of, oldest first."""
    invoices = {one.period_start: one.stripe_invoice_id for one in command.periods}
    present = BilledPeriod(
        period_start=command.period_start,
        period_end=command.period_end,
        stripe_invoice_id=invoices.get(command.period_start, ""),
    )
    # reversed, so that of two invoices for one period that with the smaller id stays, whichever came first
    earlier = {
        one.period_start: one
        for one in sorted(command.periods, key=lambda one: one.stripe_invoice_id, reverse=True)
        if one.period_start < min(one.period_end, command.period_start)
    }
    return [*(earlier[start] for start in sorted(earlier)), present]


def _periods(command: RecordSubscriptionSnapshot, now: Subscription) -> Iterator[SubscriptionEvent]:
    """From the known period to the present one, each beginning where the one before it ends."""
    start, end, anchor = now.period_start, now.period_end, now.anchor_at
    assert start is not None, "it has begun"
    assert end is not None, "it has begun"
    assert anchor is not None, "it has begun"
    present = (command.period_start, command.period_end, command.anchor_at)
    if (start, end, anchor) == present:
        return
    for period in _billed(command):
        is_present = period.period_start == command.period_start
        if not is_present and period.period_start <= start:
            continue  # known already
        if period.period_start > end:  # no invoice tells of what lies between: the calendar does
            ends = [*boundaries(anchor, now.interval, end, period.period_start), period.period_start]
            for until in ends:
                yield _renewed(command, end, until)
                end = until
        # A period that begins before the last one ended was begun anew, as by an upgrade, and the cycle
        # counts from its start. Of the present one Stripe says what it counts from.
        moved = command.anchor_at if is_present else period.period_start
        cut = period.period_start < end or is_present
        yield _renewed(
            command,
            period.period_start,
            period.period_end,
            period.stripe_invoice_id,
            moved if cut and moved != anchor else None,
        )
        start, end = period.period_start, period.period_end
        anchor = moved if cut else anchor


def _renewed(
    command: RecordSubscriptionSnapshot,
    start: datetime,
    end: datetime,
    stripe_invoice_id: str = "",
    anchor_at: datetime | None = None,
) -> SubscriptionPeriodRenewed:
    return SubscriptionPeriodRenewed(
        subscription_id=command.subscription_id,
        period_start=start,
        period_end=end,
        stripe_invoice_id=stripe_invoice_id,
        anchor_at=anchor_at,
    )


def _plan(command: RecordSubscriptionSnapshot, now: Subscription) -> Iterator[SubscriptionEvent]:
    """The plan that Stripe shows: the change that was asked for, arrived; or that one failed or waits; or a
    change that was made in Stripe's dashboard.
    """
    change = now.change
    shown = (command.tier, command.interval)
    if change is not None:
        arrived = shown == (change.tier, change.interval)
        if _waits_for_the_end(command, change):
            if arrived:  # Stripe bills the next period by it; this one was paid for the present plan
                yield from _beside(command, now)
                return
        elif arrived:
            yield _changed(command, now, change)
            return
        else:  # and what is shown instead of it may be news, too: on to the comparison below
            yield from _waiting(command, change)
    dropped = now.dropped
    if dropped and shown == (dropped.tier, dropped.interval) and _waits_for_the_end(command, dropped):
        yield from _beside(command, now)  # Stripe has not been told yet that it is not to be
    elif (*_plan_of(command), *_beside_of(command)) != (*_plan_of(now), *_beside_of(now)):
        yield _changed(command, now, None)


def _plan_of(one: RecordSubscriptionSnapshot | Subscription) -> tuple[str, str, str, int, str]:
    return one.tier, one.interval, one.currency, one.price_minor, one.not_followed


def _beside_of(one: RecordSubscriptionSnapshot | Subscription) -> tuple[int, int, int]:
    return one.quantity, one.other_items, one.others_minor


def _beside(command: RecordSubscriptionSnapshot, now: Subscription) -> Iterator[SubscriptionEvent]:
    """How much is billed of the present plan and beside it, while Stripe shows the plan that follows."""
    if _beside_of(command) != _beside_of(now):
        present = replace(
            command, tier=now.tier, interval=now.interval, currency=now.currency, price_minor=now.price_minor
        )
        yield _changed(present, now, None)


def _discounts(command: RecordSubscriptionSnapshot, now: Subscription) -> Iterator[SubscriptionEvent]:
    """What they make of the plan that is known now, which need not be the one that Stripe shows."""
    billed = now.billed_minor
    if (*_plan_of(command), command.quantity) == (*_plan_of(now), now.quantity):
        expected = discounted(now.plan_minor, command.discounts, now.tier)
        billed = command.billed_minor if command.billed_minor != expected else None
    worth = None
    if command.discounts:
        worth = discounted(now.plan_minor, command.discounts, now.tier, now.others_minor)
    if worth is None and billed is not None:
        worth = billed + now.others_minor
    if (command.discounts, worth, billed) != (now.discounts, now.discounted_minor, now.billed_minor):
        yield SubscriptionDiscounted(
            subscription_id=command.subscription_id,
            discounts=command.discounts,
            discounted_minor=worth,
            billed_minor=billed,
        )


def _waits_for_the_end(command: RecordSubscriptionSnapshot, change: Change) -> bool:
    return change.status == "scheduled" and change.at is not None and command.period_start < change.at


def _waiting(command: RecordSubscriptionSnapshot, change: Change) -> Iterator[SubscriptionEvent]:
    """What became of a change that Stripe does not show in force."""
    pending = command.pending_update
    if change.status == "scheduled":
        code = "not_applied"  # its period has begun, or `_plan` would not ask
    elif pending is not None and (pending.tier, pending.interval) == (change.tier, change.interval):
        if change.status != "pending":  # else it is known to wait
            yield SubscriptionChangePending(
                subscription_id=command.subscription_id,
                change_id=change.change_id,
                expires_at=pending.expires_at,
            )
        return
    # it waited and does so no longer, or Stripe would have dropped it by now if it ever had it
    elif change.status == "pending" or (
        change.at is not None and command.observed_at > change.at + PENDING_UPDATE_LASTS
    ):
        code = "expired"
    else:
        return  # Stripe was asked before it had our request
    yield SubscriptionChangeFailed(
        subscription_id=command.subscription_id, change_id=change.change_id, code=code
    )


def _changed(
    command: RecordSubscriptionSnapshot, now: Subscription, change: Change | None
) -> SubscriptionChanged:
    return SubscriptionChanged(
        subscription_id=command.subscription_id,
        tier=command.tier,
        interval=command.interval,
        currency=command.currency,
        price_minor=command.price_minor,
        was_tier=now.tier,
        was_interval=now.interval,
        was_price_minor=now.price_minor,
        change_id=change.change_id if change else "",
        catalogue_version=change.catalogue_version if change else "",
        quantity=command.quantity,
        other_items=command.other_items,
        others_minor=command.others_minor,
        not_followed=command.not_followed,
    )


def _status(command: RecordSubscriptionSnapshot, now: Subscription) -> SubscriptionStatus:
    """As we see it: paused while nothing is collected; unpaid, once said so, until the debt is paid."""
    if command.collection_paused and command.status in _COLLECTING:
        return "paused"
    if command.status == "past_due" and now.status == "unpaid" and not _is_new_debt(command, now):
        return "unpaid"
    return command.status


def _is_new_debt(command: RecordSubscriptionSnapshot, now: Subscription) -> bool:
    since, known = command.past_due_since, now.past_due_since
    return since is not None and known is not None and since > known


def _status_changes(command: RecordSubscriptionSnapshot, now: Subscription) -> Iterator[SubscriptionEvent]:
    target, was = _status(command, now), now.status
    way = _way(was, target) or ()  # to where no transition leads it does not go, as from active to incomplete
    # Between two debts the first was paid, though nobody looked then: dunning counts from the second.
    if was in _DEBT and target in _DEBT and _is_new_debt(command, now):
        way = ("active", *(_way("active", target) or ()))
    since = command.past_due_since or now.past_due_since or command.effective_at
    for status in way:
        if status == "canceled":
            yield _canceled(command, was)
        else:
            yield SubscriptionStatusChanged(
                subscription_id=command.subscription_id,
                status=status,
                was=was,
                past_due_since=since if status in _DEBT else None,
                cause="stripe" if status == target else "implied",
            )
        was = status


def _canceled(command: RecordSubscriptionSnapshot, was: str) -> SubscriptionCanceled:
    return SubscriptionCanceled(
        subscription_id=command.subscription_id,
        at=command.ended_at or command.effective_at,
        period_end=command.period_end,
        was=was,
        reason=command.cancellation_reason,
    )


def _cancellation(command: RecordSubscriptionSnapshot, now: Subscription) -> Iterator[SubscriptionEvent]:
    if command.cancel_at == now.cancel_at:
        return
    if command.cancel_at is None:
        yield CancellationWithdrawn(subscription_id=command.subscription_id)
    else:
        yield CancellationScheduled(subscription_id=command.subscription_id, at=command.cancel_at)


def _payment_method(command: RecordSubscriptionSnapshot, now: Subscription) -> Iterator[SubscriptionEvent]:
    if command.payment_method_id and command.payment_method_id != now.payment_method_id:
        yield PaymentMethodChanged(
            subscription_id=command.subscription_id,
            payment_method_id=command.payment_method_id,
            # named, so that the policy tries the new card on it; nothing is tried for one that ended
            open_invoice_id="" if command.status in ENDED else command.open_invoice_id,
        )


def _observed(command: RecordSubscriptionSnapshot, now: Subscription) -> Iterator[SubscriptionEvent]:
    setup = command.pending_setup
    setup_intent_id, setup_status = (setup.setup_intent_id, setup.status) if setup else ("", "")
    seen = (command.observed_at, command.open_invoice_id, command.trial_end, setup_intent_id, setup_status)
    known = (now.observed_at, now.open_invoice_id, now.trial_end, now.setup_intent_id, now.setup_status)
    if seen != known:
        yield SubscriptionObserved(
            subscription_id=command.subscription_id,
            observed_at=command.observed_at,
            open_invoice_id=command.open_invoice_id,
            trial_end=command.trial_end,
            setup_intent_id=setup_intent_id,
            setup_status=setup_status,
        )


@cache
def _way(was: str, target: SubscriptionStatus) -> tuple[SubscriptionStatus, ...] | None:
    """The shortest way of listed transitions; None when there is none."""
    ways: deque[tuple[SubscriptionStatus, ...]] = deque([()])
    seen = {was}
    while ways:
        way = ways.popleft()
        here = way[-1] if way else was
        if here == target:
            return way
        for status in TRANSITIONS.get(here, ()):
            if status not in seen:
                seen.add(status)
                ways.append((*way, status))
    return None
