"""What can be asked of a user's subscriptions. `Record…` commands carry what Stripe says."""

from __future__ import annotations

from typing import ClassVar, Literal

import msgspec

from ledger.catalogue import Interval
from ledger.hosted import HostedPage
from ledger.message import Command, Instant
from ledger.subscriptions.discounts import Discount
from ledger.subscriptions.worth import PaidTime


class RequestSubscription(Command, frozen=True, kw_only=True):
    """The price is the catalogue's, put in by the server."""

    NAME: ClassVar[str] = "subscriptions.request"
    GENERATED: ClassVar[frozenset[str]] = frozenset({"subscription_id", "page"})
    ADDED: ClassVar[frozenset[str]] = frozenset({"promotion_code_id"})
    subscription_id: str
    user_id: str
    tier: str
    interval: Interval
    currency: str
    price_minor: int
    catalogue_version: str
    payment_method_id: str
    """Empty with a `page`, on which it is chosen."""
    stripe_customer_id: str
    trial_days: int = 0
    page: HostedPage | None = None
    """Of Stripe's, on which it is begun."""
    promotion_code_id: str = ""
    """At Stripe, of what its first invoice is discounted by; empty without one."""


NotFollowed = Literal["price_without_tier", "price_interval", "price_amount", "price_currency"]
"""Why what Stripe bills is no plan: by a price that names no tier, by no month or year, that has no amount of
its own, or none in the subscription's currency."""


class PendingUpdate(msgspec.Struct, frozen=True, kw_only=True):
    """A change that Stripe holds until its invoice is paid.
    https://docs.stripe.com/billing/subscriptions/pending-updates
    """

    tier: str
    interval: Interval
    expires_at: Instant | None = None


class PendingSetup(msgspec.Struct, frozen=True, kw_only=True):
    """A SetupIntent of Stripe's that its card is not ready without."""

    setup_intent_id: str
    status: str
    """`requires_action`: its cardholder must confirm. Else another card must come."""


class BilledPeriod(msgspec.Struct, frozen=True, kw_only=True):
    """A period as its invoice has it: the lines of the plan itself, not of prorations."""

    period_start: Instant
    period_end: Instant
    stripe_invoice_id: str


class LostSubscription(msgspec.Struct, frozen=True, kw_only=True):
    """What a subscription of this ledger was requested with, beside what its snapshot tells: for one whose
    request is gone here, since the database was restored to a time before it.
    """

    stripe_customer_id: str
    catalogue_version: str = ""
    trial_days: int = 0
    page: HostedPage | None = None


class RecordSubscriptionSnapshot(Command, frozen=True, kw_only=True):
    """What Stripe says of a subscription now, as a whole.

    Of two snapshots the one observed later holds, whichever is recorded first.
    """

    NAME: ClassVar[str] = "subscriptions.record_snapshot"
    user_id: str
    subscription_id: str
    stripe_subscription_id: str
    observed_at: Instant
    """When the request that fetched it was sent, by our clock: what Stripe did before that is in it."""
    status: Literal[
        "incomplete",
        "incomplete_expired",
        "trialing",
        "active",
        "past_due",
        "unpaid",
        "paused",
        "canceled",
    ]
    tier: str
    """Of the item's price, by its metadata or lookup key; empty for one that names none."""
    interval: Interval
    currency: str
    price_minor: int
    """Of one; of what is not followed what it comes to, as far as that is known."""
    anchor_at: Instant
    """`billing_cycle_anchor`."""
    period_start: Instant
    period_end: Instant
    trial_end: Instant | None = None
    past_due_since: Instant | None = None
    """When the first payment of the open invoice failed; the command's time stands in without it."""
    cancel_at: Instant | None = None
    """Also the end of the period when `cancel_at_period_end` is set."""
    ended_at: Instant | None = None
    cancellation_reason: str = ""
    collection_paused: bool = False
    """Whether `pause_collection` is set."""
    payment_method_id: str = ""
    open_invoice_id: str = ""
    """The invoice of the latest period while it is open, attempted and not paid."""
    pending_update: PendingUpdate | None = None
    discounts: tuple[Discount, ...] = ()
    """That stand, in their order."""
    billed_minor: int | None = None
    """What the present period was billed at after discounts; None where no invoice tells."""
    pending_setup: PendingSetup | None = None
    periods: tuple[BilledPeriod, ...] = ()
    """By its latest invoices, in any order: periods that nobody saw begin are filled from them."""
    quantity: int = 1
    other_items: int = 0
    others_minor: int = 0
    """What the other items come to for one interval of the plan."""
    not_followed: NotFollowed | Literal[""] = ""
    lost: LostSubscription | None = None
    """None for one that does not name this ledger. Counts only where the ledger has none."""


class RecordSubscriptionFailure(Command, frozen=True, kw_only=True):
    """Stripe refused a request (4xx). `request_id` is the subscription's, the change's or its own."""

    NAME: ClassVar[str] = "subscriptions.record_failure"
    user_id: str
    subscription_id: str
    request_id: str
    code: str
    decline_code: str = ""


class RecordSubscriptionUnknown(Command, frozen=True, kw_only=True):
    """The call for `request_id` timed out or was answered 5xx."""

    NAME: ClassVar[str] = "subscriptions.record_unknown"
    user_id: str
    subscription_id: str
    request_id: str
    cause: str


class RequestChange(Command, frozen=True, kw_only=True):
    """To another plan. More is an upgrade, now; less is a downgrade, at the end of the period; the present
    plan withdraws a change that waits. An upgrade echoes the preview that the user saw.
    """

    NAME: ClassVar[str] = "subscriptions.request_change"
    GENERATED: ClassVar[frozenset[str]] = frozenset({"change_id", "paid"})
    user_id: str
    subscription_id: str
    change_id: str
    tier: str
    interval: Interval
    currency: str
    price_minor: int
    catalogue_version: str
    proration_at: Instant | None = None
    expected_minor: int | None = None
    paid: PaidTime | None = None
    """What is still paid of the time after `proration_at`; None for as much as it costs."""


class RequestCancellation(Command, frozen=True, kw_only=True):
    """At the end of the period, or at once."""

    NAME: ClassVar[str] = "subscriptions.request_cancellation"
    GENERATED: ClassVar[frozenset[str]] = frozenset({"request_id"})
    user_id: str
    subscription_id: str
    request_id: str
    at_once: bool = False
    reason: str = ""


class RequestCancellationWithdrawal(Command, frozen=True, kw_only=True):
    NAME: ClassVar[str] = "subscriptions.withdraw_cancellation"
    GENERATED: ClassVar[frozenset[str]] = frozenset({"request_id"})
    user_id: str
    subscription_id: str
    request_id: str


class RequestPause(Command, frozen=True, kw_only=True):
    NAME: ClassVar[str] = "subscriptions.request_pause"
    GENERATED: ClassVar[frozenset[str]] = frozenset({"request_id"})
    user_id: str
    subscription_id: str
    request_id: str


class RequestResume(Command, frozen=True, kw_only=True):
    NAME: ClassVar[str] = "subscriptions.request_resume"
    GENERATED: ClassVar[frozenset[str]] = frozenset({"request_id"})
    user_id: str
    subscription_id: str
    request_id: str


class RequestPaymentMethodChange(Command, frozen=True, kw_only=True):
    NAME: ClassVar[str] = "subscriptions.change_payment_method"
    GENERATED: ClassVar[frozenset[str]] = frozenset({"request_id"})
    user_id: str
    subscription_id: str
    request_id: str
    payment_method_id: str


class AdvanceDunning(Command, frozen=True, kw_only=True):
    """Time went by: 21 days past due is unpaid, 51 days is the end. Does nothing before."""

    NAME: ClassVar[str] = "subscriptions.advance_dunning"
    user_id: str
    subscription_id: str


class RecordSubscriptionPage(Command, frozen=True, kw_only=True):
    """What Stripe says now of the page on which a subscription is begun. What was begun there is told by a
    snapshot of its own.
    """

    NAME: ClassVar[str] = "subscriptions.record_page"
    user_id: str
    subscription_id: str
    session_id: str
    status: Literal["open", "complete", "expired"]


class EndSubscriptionPage(Command, frozen=True, kw_only=True):
    """Its user wants it no more, or its time is over. Stripe's answer ends it, or it was begun meanwhile."""

    NAME: ClassVar[str] = "subscriptions.end_page"
    user_id: str
    subscription_id: str


SubscriptionCommand = (
    RequestSubscription
    | RecordSubscriptionSnapshot
    | RecordSubscriptionFailure
    | RecordSubscriptionUnknown
    | RecordSubscriptionPage
    | EndSubscriptionPage
    | RequestChange
    | RequestCancellation
    | RequestCancellationWithdrawal
    | RequestPause
    | RequestResume
    | RequestPaymentMethodChange
    | AdvanceDunning
)
