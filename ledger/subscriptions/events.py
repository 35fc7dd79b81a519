"""Facts about all the subscriptions of one user, in one stream, so that at most one of them is live.

Every request names itself by a `request_id`: a subscription's own id for its creation, a `change_id` for a
change, an id of its own for all else. What Stripe answers to it is told by that id.
"""

from __future__ import annotations

from typing import ClassVar

from ledger.hosted import HostedPage
from ledger.message import Event, Instant
from ledger.subscriptions.discounts import Discount
from ledger.subscriptions.worth import TakenTime


class SubscriptionRequested(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "subscriptions.requested.v1"
    subscription_id: str
    user_id: str
    tier: str
    interval: str
    """`month` or `year`."""
    currency: str
    price_minor: int
    """For one interval, as the catalogue of that version had it."""
    catalogue_version: str
    payment_method_id: str
    stripe_customer_id: str
    trial_days: int = 0
    page: HostedPage | None = None
    """Of Stripe's, on which it is begun; None where the card is known."""
    promotion_code_id: str = ""
    """At Stripe, redeemed with it; what that makes of the price is told by `SubscriptionDiscounted`."""


class SubscriptionPageOpened(Event, frozen=True, kw_only=True):
    """Stripe shows the page on which it is begun. Its address is a credential: it is fetched when wanted."""

    TYPE: ClassVar[str] = "subscriptions.page_opened.v1"
    subscription_id: str
    session_id: str


class SubscriptionPageEnding(Event, frozen=True, kw_only=True):
    """It is to be ended. It may be begun all the same."""

    TYPE: ClassVar[str] = "subscriptions.page_ending.v1"
    subscription_id: str


class SubscriptionRequestFailed(Event, frozen=True, kw_only=True):
    """Stripe refused the request itself (4xx): of a creation, a cancellation and all else but a change."""

    TYPE: ClassVar[str] = "subscriptions.request_failed.v1"
    subscription_id: str
    request_id: str
    request: str
    """`create`, `cancel`, `withdraw_cancellation`, `pause`, `resume` or `payment_method`."""
    code: str
    decline_code: str = ""


class SubscriptionOutcomeUnknown(Event, frozen=True, kw_only=True):
    """Stripe timed out or said 5xx: done or not, nobody knows yet."""

    TYPE: ClassVar[str] = "subscriptions.outcome_unknown.v1"
    subscription_id: str
    request_id: str
    request: str
    """As in `SubscriptionRequestFailed`, or `change`."""
    cause: str


class SubscriptionStarted(Event, frozen=True, kw_only=True):
    """Stripe has it. `status` is `incomplete`, `trialing` or `active`."""

    TYPE: ClassVar[str] = "subscriptions.started.v1"
    subscription_id: str
    stripe_subscription_id: str
    status: str
    anchor_at: Instant
    """Its day and time of day are those of every renewal: 31 January, 28 February, 31 March."""
    period_start: Instant
    period_end: Instant
    trial_end: Instant | None = None


class DuplicateSubscriptionFound(Event, frozen=True, kw_only=True):
    """Stripe made one that was taken for failed, and another is live by now: it is canceled at once."""

    TYPE: ClassVar[str] = "subscriptions.duplicate_found.v1"
    subscription_id: str
    stripe_subscription_id: str
    live_subscription_id: str


class SubscriptionStatusChanged(Event, frozen=True, kw_only=True):
    """To `active`, `past_due`, `unpaid`, `paused`, `trialing` or `incomplete_expired`; the end of one that
    had begun is `SubscriptionCanceled`. Steps that nobody saw are told too, in their order.
    """

    TYPE: ClassVar[str] = "subscriptions.status_changed.v1"
    subscription_id: str
    status: str
    was: str
    past_due_since: Instant | None = None
    """When the first payment of the open invoice failed; given with `past_due` and `unpaid`."""
    cause: str = ""
    """`stripe`, `dunning`, or `implied` for a step that nobody saw."""


class SubscriptionPeriodRenewed(Event, frozen=True, kw_only=True):
    """A period begins where the one before it ended, or cuts it short when `anchor_at` moved."""

    TYPE: ClassVar[str] = "subscriptions.period_renewed.v1"
    subscription_id: str
    period_start: Instant
    period_end: Instant
    stripe_invoice_id: str = ""
    """The invoice of the period, when there is one and it is known."""
    anchor_at: Instant | None = None
    """The new anchor, when it moved."""


class SubscriptionChangeRequested(Event, frozen=True, kw_only=True):
    """An upgrade, now and prorated; applied when it is paid."""

    TYPE: ClassVar[str] = "subscriptions.change_requested.v1"
    subscription_id: str
    change_id: str
    tier: str
    interval: str
    currency: str
    price_minor: int
    catalogue_version: str
    proration_at: Instant
    expected_minor: int
    """What the preview said for `proration_at`. Stripe's invoice says what it comes to."""
    given_back_minor: int = 0
    """By so much its unused time is worth less than by the price, by which Stripe prorates."""
    takes: tuple[TakenTime, ...] = ()
    """Which invoices paid for the unused time that it takes off."""
    taker: str = ""
    """How they call it."""
    instead_of: str = ""
    """How they call the change that waited for its payment and is superseded."""


class SubscriptionChangePending(Event, frozen=True, kw_only=True):
    """Stripe has the upgrade and waits for its invoice to be paid, until `expires_at`."""

    TYPE: ClassVar[str] = "subscriptions.change_pending.v1"
    subscription_id: str
    change_id: str
    expires_at: Instant | None = None


class SubscriptionChangeScheduled(Event, frozen=True, kw_only=True):
    """A downgrade, at the end of the period; nothing is charged or given back for what is left of it."""

    TYPE: ClassVar[str] = "subscriptions.change_scheduled.v1"
    subscription_id: str
    change_id: str
    tier: str
    interval: str
    currency: str
    price_minor: int
    catalogue_version: str
    at: Instant


class SubscriptionChangeSuperseded(Event, frozen=True, kw_only=True):
    """`by` is the later change; empty when the wish is to stay with the present plan."""

    TYPE: ClassVar[str] = "subscriptions.change_superseded.v1"
    subscription_id: str
    change_id: str
    by: str = ""


class SubscriptionChanged(Event, frozen=True, kw_only=True):
    """What is billed is another now. `change_id` is empty when somebody changed it in Stripe's dashboard."""

    TYPE: ClassVar[str] = "subscriptions.changed.v1"
    subscription_id: str
    tier: str
    interval: str
    currency: str
    price_minor: int
    was_tier: str
    was_interval: str
    was_price_minor: int
    change_id: str = ""
    catalogue_version: str = ""
    quantity: int = 1
    """Of the plan; `price_minor` is that of one."""
    other_items: int = 0
    """Which Stripe bills beside the plan."""
    others_minor: int = 0
    """What those come to for one interval of the plan."""
    not_followed: str = ""
    """Why what Stripe bills is none of our plans, as in `NOT_FOLLOWED`; the tier stays as it was then."""


class SubscriptionDiscounted(Event, frozen=True, kw_only=True):
    """The discounts that stand are others now, or what they make of the price, or of the present period."""

    TYPE: ClassVar[str] = "subscriptions.discounted.v1"
    subscription_id: str
    discounts: tuple[Discount, ...] = ()
    discounted_minor: int | None = None
    """What an interval comes to with them, all items together; without any, what the present period was
    billed at when that was less. None for what it costs itself."""
    billed_minor: int | None = None
    """What the plan's present period was billed at, where that is not what discounts make of its price."""


class SubscriptionChangeFailed(Event, frozen=True, kw_only=True):
    """Refused by Stripe, not paid in time (`expired`), or not in force when it should be (`not_applied`)."""

    TYPE: ClassVar[str] = "subscriptions.change_failed.v1"
    subscription_id: str
    change_id: str
    code: str
    decline_code: str = ""


class CancellationRequested(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "subscriptions.cancellation_requested.v1"
    subscription_id: str
    request_id: str
    at_once: bool
    reason: str = ""
    """What the user chose, or `dunning`."""


class CancellationScheduled(Event, frozen=True, kw_only=True):
    """Stripe will end it at `at` unless that is withdrawn."""

    TYPE: ClassVar[str] = "subscriptions.cancellation_scheduled.v1"
    subscription_id: str
    at: Instant


class CancellationWithdrawalRequested(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "subscriptions.cancellation_withdrawal_requested.v1"
    subscription_id: str
    request_id: str


class CancellationWithdrawn(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "subscriptions.cancellation_withdrawn.v1"
    subscription_id: str


class SubscriptionCanceled(Event, frozen=True, kw_only=True):
    """The end. `period_end` is what it would have lasted to; service ends at `at`."""

    TYPE: ClassVar[str] = "subscriptions.canceled.v1"
    subscription_id: str
    at: Instant
    period_end: Instant
    was: str
    reason: str = ""


class PauseRequested(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "subscriptions.pause_requested.v1"
    subscription_id: str
    request_id: str


class ResumeRequested(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "subscriptions.resume_requested.v1"
    subscription_id: str
    request_id: str


class PaymentMethodChangeRequested(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "subscriptions.payment_method_change_requested.v1"
    subscription_id: str
    request_id: str
    payment_method_id: str


class PaymentMethodChanged(Event, frozen=True, kw_only=True):
    """`open_invoice_id` is the invoice that waits for a card, and is tried at once with this one."""

    TYPE: ClassVar[str] = "subscriptions.payment_method_changed.v1"
    subscription_id: str
    payment_method_id: str
    open_invoice_id: str = ""


class SubscriptionObserved(Event, frozen=True, kw_only=True):
    """Stripe was asked at `observed_at`; what was seen before that is old news, however late it comes."""

    TYPE: ClassVar[str] = "subscriptions.observed.v1"
    subscription_id: str
    observed_at: Instant
    open_invoice_id: str = ""
    trial_end: Instant | None = None
    setup_intent_id: str = ""
    """Of the card while it is not ready to be charged without its cardholder."""
    setup_status: str = ""
    """`requires_action` while they are to confirm it; `requires_payment_method` once that came to nothing."""


SubscriptionEvent = (
    SubscriptionRequested
    | SubscriptionPageOpened
    | SubscriptionPageEnding
    | SubscriptionRequestFailed
    | SubscriptionOutcomeUnknown
    | SubscriptionStarted
    | DuplicateSubscriptionFound
    | SubscriptionStatusChanged
    | SubscriptionPeriodRenewed
    | SubscriptionChangeRequested
    | SubscriptionChangePending
    | SubscriptionChangeScheduled
    | SubscriptionChangeSuperseded
    | SubscriptionChanged
    | SubscriptionDiscounted
    | SubscriptionChangeFailed
    | CancellationRequested
    | CancellationScheduled
    | CancellationWithdrawalRequested
    | CancellationWithdrawn
    | SubscriptionCanceled
    | PauseRequested
    | ResumeRequested
    | PaymentMethodChangeRequested
    | PaymentMethodChanged
    | SubscriptionObserved
)
