"""What is remembered of a user's subscriptions to decide on them. `evolve` takes any history and never
fails.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal, assert_never, get_args

from msgspec import Struct
from msgspec.structs import replace

from ledger.catalogue import Interval
from ledger.persistent import PersistentMap, PersistentSet
from ledger.subscriptions.discounts import Discount, discounted
from ledger.subscriptions.events import (
    CancellationRequested,
    CancellationScheduled,
    CancellationWithdrawalRequested,
    CancellationWithdrawn,
    DuplicateSubscriptionFound,
    PauseRequested,
    PaymentMethodChanged,
    PaymentMethodChangeRequested,
    ResumeRequested,
    SubscriptionCanceled,
    SubscriptionChanged,
    SubscriptionChangeFailed,
    SubscriptionChangePending,
    SubscriptionChangeRequested,
    SubscriptionChangeScheduled,
    SubscriptionChangeSuperseded,
    SubscriptionDiscounted,
    SubscriptionEvent,
    SubscriptionObserved,
    SubscriptionOutcomeUnknown,
    SubscriptionPageEnding,
    SubscriptionPageOpened,
    SubscriptionPeriodRenewed,
    SubscriptionRequested,
    SubscriptionRequestFailed,
    SubscriptionStarted,
    SubscriptionStatusChanged,
)

SubscriptionStatus = Literal[
    "requested",
    "unknown",
    "failed",
    "duplicate",
    "incomplete",
    "incomplete_expired",
    "trialing",
    "active",
    "past_due",
    "unpaid",
    "paused",
    "canceled",
]
ChangeStatus = Literal["requested", "pending", "scheduled"]
RequestName = Literal["cancel", "withdraw_cancellation", "pause", "resume", "payment_method"]

# Facts are text, and those of another version may say what is not known here: that changes nothing, or is
# read as the beginning (`incomplete`, by the month).
_STATUSES: Mapping[str, SubscriptionStatus] = {status: status for status in get_args(SubscriptionStatus)}
_INTERVALS: Mapping[str, Interval] = {interval: interval for interval in get_args(Interval)}

ENDED = frozenset({"canceled", "incomplete_expired"})
"""Nothing follows these."""
UNANSWERED = frozenset({"requested", "unknown"})
_NOT_LIVE = ENDED | {"", "failed", "duplicate"}

TRANSITIONS: Mapping[str, tuple[SubscriptionStatus, ...]] = {
    "requested": ("incomplete", "active", "trialing", "unknown", "failed"),
    "unknown": ("incomplete", "active", "trialing", "failed"),
    "failed": ("incomplete", "active", "trialing", "duplicate"),
    "duplicate": ("canceled",),
    "incomplete": ("active", "incomplete_expired", "canceled"),
    "trialing": ("active", "past_due", "paused", "canceled"),
    "active": ("past_due", "paused", "canceled", "trialing"),
    "past_due": ("active", "unpaid", "paused", "canceled"),
    "unpaid": ("active", "canceled"),
    "paused": ("active", "trialing", "past_due", "canceled"),
    "canceled": (),
    "incomplete_expired": (),
}
"""By status, what can follow at once; of two ways the shorter is taken, then the one named first. `failed`
was our reading of Stripe's refusal, so a subscription that is there after all outranks it."""


class OpenRequest(Struct, frozen=True, gc=False):
    """Something asked of Stripe that is not answered. There is at most one, beside the creation itself."""

    request_id: str
    request: RequestName
    unknown: bool = False
    payment_method_id: str = ""


class Change(Struct, frozen=True, gc=False):
    """A change of plan that is not in force yet."""

    change_id: str
    tier: str
    interval: Interval
    price_minor: int
    catalogue_version: str
    status: ChangeStatus
    """`pending`: Stripe waits for its payment."""
    unknown: bool = False
    at: datetime | None = None
    """When a scheduled one comes in force; when another was asked for."""
    taker: str = ""
    """How invoices call what it takes of them."""


class Subscription(Struct, frozen=True, gc=False):
    subscription_id: str = ""
    stripe_subscription_id: str = ""
    status: Literal[SubscriptionStatus, ""] = ""
    """Empty for one whose history does not tell how it began."""
    tier: str = ""
    interval: Interval = "month"
    currency: str = ""
    price_minor: int = 0
    """Of one, in the present period, as it was decided or as Stripe says."""
    quantity: int = 1
    other_items: int = 0
    others_minor: int = 0
    """What other items come to for one interval."""
    not_followed: str = ""
    """Why what Stripe bills is none of our plans; empty when it is one."""
    discounts: tuple[Discount, ...] = ()
    """Few, and all of them in each fact about them."""
    discounted_minor: int | None = None
    billed_minor: int | None = None
    """As the fact has both."""
    catalogue_version: str = ""
    payment_method_id: str = ""
    anchor_at: datetime | None = None
    period_start: datetime | None = None
    period_end: datetime | None = None
    trial_end: datetime | None = None
    past_due_since: datetime | None = None
    cancel_at: datetime | None = None
    ended_at: datetime | None = None
    observed_at: datetime | None = None
    open_invoice_id: str = ""
    setup_intent_id: str = ""
    """At Stripe, of the card, while its cardholder has not confirmed it."""
    setup_status: str = ""
    change: Change | None = None
    dropped: Change | None = None
    """The last change that was scheduled and then was not to be: Stripe shows it until it is told."""
    request: OpenRequest | None = None
    page_ends_at: datetime | None = None
    """Of the page of Stripe's on which it is begun; None where its card was known."""
    session_id: str = ""
    """Of that page, once it was opened."""
    page_ending: bool = False

    @property
    def live(self) -> bool:
        return self.status not in _NOT_LIVE

    @property
    def plan_minor(self) -> int:
        """What one interval of the plan costs, as many as there are."""
        return self.price_minor * self.quantity

    @property
    def interval_minor(self) -> int:
        """What one interval costs, all items together, before discounts."""
        return self.plan_minor + self.others_minor

    @property
    def paid_minor(self) -> int:
        """What the plan's whole present period was billed at, as far as is known."""
        return (
            self.after_discounts(self.plan_minor, self.tier)
            if self.billed_minor is None
            else self.billed_minor
        )

    def after_discounts(self, price_minor: int, tier: str) -> int:
        return discounted(price_minor, self.discounts, tier)


class Subscriber(Struct, frozen=True):
    user_id: str = ""
    trial_used: bool = False
    subscriptions: PersistentMap[Subscription] = PersistentMap()
    live_ids: PersistentSet = PersistentSet()
    """At most one by our rules, but history is taken as it is."""
    first_live_id: str = ""
    """Of those the one that was begun first."""

    @property
    def live(self) -> Subscription | None:
        """The one that may be live; at most one is."""
        return self.subscriptions.get(self.first_live_id) if self.live_ids else None

    @property
    def latest(self) -> Subscription | None:
        """The one that was begun last, live or not."""
        return self.subscriptions.newest


def evolve(subscriber: Subscriber, event: SubscriptionEvent) -> Subscriber:
    subscription = _evolve(subscriber.subscriptions.get(event.subscription_id, Subscription()), event)
    after = _put(subscriber, event.subscription_id, subscription)
    match event:
        case SubscriptionRequested(user_id=user_id):
            return replace(after, user_id=user_id)
        case SubscriptionStarted(trial_end=trial_end) | SubscriptionObserved(trial_end=trial_end) if (
            trial_end
        ):
            return replace(after, trial_used=True)
        case _:
            return after


def _put(subscriber: Subscriber, subscription_id: str, subscription: Subscription) -> Subscriber:
    subscriptions = subscriber.subscriptions.put(subscription_id, subscription)
    live_ids, first = subscriber.live_ids, subscriber.first_live_id
    if subscription.live:
        if not live_ids or subscriptions.place(subscription_id) < subscriptions.place(first):
            first = subscription_id
        live_ids = live_ids.add(subscription_id)
    elif subscription_id in live_ids:
        live_ids = live_ids.discard(subscription_id)
        if subscription_id == first:
            first = min(live_ids, key=subscriptions.place) if live_ids else ""
    return replace(subscriber, subscriptions=subscriptions, live_ids=live_ids, first_live_id=first)


ChangeEvent = (
    SubscriptionChangeRequested
    | SubscriptionChangePending
    | SubscriptionChangeScheduled
    | SubscriptionChangeSuperseded
    | SubscriptionChanged
    | SubscriptionChangeFailed
)
RequestEvent = (
    CancellationRequested
    | CancellationWithdrawalRequested
    | PauseRequested
    | ResumeRequested
    | PaymentMethodChangeRequested
    | SubscriptionRequestFailed
    | SubscriptionOutcomeUnknown
)


def _evolve(  # noqa: C901, PLR0911, PLR0912 - one answer for each fact of a closed union
    subscription: Subscription, event: SubscriptionEvent
) -> Subscription:
    match event:
        case SubscriptionRequested():
            return _requested(event)
        case SubscriptionPageOpened(session_id=session_id):
            return replace(subscription, status="requested", session_id=session_id)
        case SubscriptionPageEnding():
            return replace(subscription, page_ending=True)
        case SubscriptionStarted():
            return _started(subscription, event)
        case DuplicateSubscriptionFound():
            return replace(
                subscription, status="duplicate", stripe_subscription_id=event.stripe_subscription_id
            )
        case SubscriptionStatusChanged():
            return _with_status(subscription, event)
        case SubscriptionPeriodRenewed():
            return replace(
                subscription,
                period_start=event.period_start,
                period_end=event.period_end,
                anchor_at=event.anchor_at or subscription.anchor_at,
            )
        case CancellationScheduled():
            return replace(_answered(subscription, "cancel"), cancel_at=event.at)
        case CancellationWithdrawn():
            return replace(_answered(subscription, "withdraw_cancellation"), cancel_at=None)
        case SubscriptionCanceled():
            return _ended(replace(subscription, status="canceled", ended_at=event.at))
        case PaymentMethodChanged():
            answered = _answered(subscription, "payment_method")
            return replace(answered, payment_method_id=event.payment_method_id)
        case SubscriptionDiscounted() | SubscriptionObserved():
            return _as_shown(subscription, event)
        case (
            CancellationRequested()
            | CancellationWithdrawalRequested()
            | PauseRequested()
            | ResumeRequested()
            | PaymentMethodChangeRequested()
            | SubscriptionRequestFailed()
            | SubscriptionOutcomeUnknown()
        ):
            return _with_request(subscription, event)
        case (
            SubscriptionChangeRequested()
            | SubscriptionChangePending()
            | SubscriptionChangeScheduled()
            | SubscriptionChangeSuperseded()
            | SubscriptionChanged()
            | SubscriptionChangeFailed()
        ):
            return _with_change(subscription, event)
        case _:
            assert_never(event)


def _as_shown(
    subscription: Subscription, event: SubscriptionDiscounted | SubscriptionObserved
) -> Subscription:
    if isinstance(event, SubscriptionDiscounted):
        return replace(
            subscription,
            discounts=event.discounts,
            discounted_minor=event.discounted_minor,
            billed_minor=event.billed_minor,
        )
    return replace(
        subscription,
        observed_at=event.observed_at,
        open_invoice_id=event.open_invoice_id,
        trial_end=event.trial_end,
        setup_intent_id=event.setup_intent_id,
        setup_status=event.setup_status,
    )


def _requested(event: SubscriptionRequested) -> Subscription:
    return Subscription(
        subscription_id=event.subscription_id,
        status="requested",
        tier=event.tier,
        interval=_INTERVALS.get(event.interval, "month"),
        currency=event.currency,
        price_minor=event.price_minor,
        catalogue_version=event.catalogue_version,
        payment_method_id=event.payment_method_id,
        page_ends_at=event.page.expires_at if event.page else None,
    )


def _started(subscription: Subscription, event: SubscriptionStarted) -> Subscription:
    return replace(
        subscription,
        subscription_id=event.subscription_id,
        stripe_subscription_id=event.stripe_subscription_id,
        status=_STATUSES.get(event.status, "incomplete"),
        anchor_at=event.anchor_at,
        period_start=event.period_start,
        period_end=event.period_end,
        trial_end=event.trial_end,
    )


def _with_status(subscription: Subscription, event: SubscriptionStatusChanged) -> Subscription:
    status = _STATUSES.get(event.status, subscription.status)
    if status in ENDED:
        return _ended(replace(subscription, status=status))
    answered = _answered(subscription, "pause" if status == "paused" else "resume")
    return replace(answered, status=status, past_due_since=event.past_due_since)


def _with_request(subscription: Subscription, event: RequestEvent) -> Subscription:  # noqa: PLR0911 - as above
    match event:
        case CancellationRequested():
            return replace(subscription, request=OpenRequest(event.request_id, "cancel"))
        case CancellationWithdrawalRequested():
            return replace(subscription, request=OpenRequest(event.request_id, "withdraw_cancellation"))
        case PauseRequested():
            return replace(subscription, request=OpenRequest(event.request_id, "pause"))
        case ResumeRequested():
            return replace(subscription, request=OpenRequest(event.request_id, "resume"))
        case PaymentMethodChangeRequested():
            request = OpenRequest(
                event.request_id, "payment_method", payment_method_id=event.payment_method_id
            )
            return replace(subscription, request=request)
        case SubscriptionRequestFailed():
            if event.request == "create":
                return replace(subscription, status="failed")
            return replace(subscription, request=None)
        case SubscriptionOutcomeUnknown():
            return _unknown(subscription, event)
        case _:
            assert_never(event)


def _unknown(subscription: Subscription, event: SubscriptionOutcomeUnknown) -> Subscription:
    if event.request == "create":
        return replace(subscription, status="unknown")
    if event.request == "change":
        change = subscription.change
        return replace(subscription, change=replace(change, unknown=True) if change else None)
    request = subscription.request
    return replace(subscription, request=replace(request, unknown=True) if request else None)


def _with_change(subscription: Subscription, event: ChangeEvent) -> Subscription:
    match event:
        case SubscriptionChangeRequested() | SubscriptionChangeScheduled():
            scheduled = isinstance(event, SubscriptionChangeScheduled)
            change = Change(
                change_id=event.change_id,
                tier=event.tier,
                interval=_INTERVALS.get(event.interval, subscription.interval),
                price_minor=event.price_minor,
                catalogue_version=event.catalogue_version,
                status="scheduled" if scheduled else "requested",
                at=event.at if isinstance(event, SubscriptionChangeScheduled) else event.proration_at,
                taker="" if isinstance(event, SubscriptionChangeScheduled) else event.taker,
            )
            return replace(subscription, change=change)
        case SubscriptionChangePending():
            waiting = subscription.change
            if waiting is None:
                return subscription
            return replace(subscription, change=replace(waiting, status="pending", unknown=False))
        case SubscriptionChangeSuperseded() | SubscriptionChangeFailed():
            waited = subscription.change
            dropped = waited if waited and waited.status == "scheduled" else subscription.dropped
            return replace(subscription, change=None, dropped=dropped)
        case SubscriptionChanged():
            done = subscription.change is not None and subscription.change.change_id == event.change_id
            return replace(
                subscription,
                tier=event.tier,
                interval=_INTERVALS.get(event.interval, subscription.interval),
                currency=event.currency,
                price_minor=event.price_minor,
                discounted_minor=None,
                billed_minor=None,
                catalogue_version=event.catalogue_version or subscription.catalogue_version,
                change=None if done else subscription.change,
                quantity=event.quantity,
                other_items=event.other_items,
                others_minor=event.others_minor,
                not_followed=event.not_followed,
            )
        case _:
            assert_never(event)


def _answered(subscription: Subscription, request: RequestName) -> Subscription:
    waiting = subscription.request
    done = waiting is not None and waiting.request == request
    return replace(subscription, request=None) if done else subscription


def _ended(subscription: Subscription) -> Subscription:
    """Only what stays true is kept, so that it does not matter how late the last news came."""
    return replace(
        subscription,
        change=None,
        dropped=None,
        request=None,
        discounts=(),
        discounted_minor=None,
        billed_minor=None,
        cancel_at=None,
        past_due_since=None,
        trial_end=None,
        observed_at=None,
        open_invoice_id="",
        setup_intent_id="",
        setup_status="",
    )
