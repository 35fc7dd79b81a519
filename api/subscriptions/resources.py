"""What the API shows of subscriptions. It comes from the stream's state, so that a write and every later read
show the same, whatever the projections have seen.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from api.payments.authentication import Authentication
from api.payments.resources import Failure, NextAction
from api.subscriptions.entitlements import Entitlement, entitlement_of, standing
from ledger.catalogue import Catalogue, Interval
from ledger.features import GRACE, effective_tier
from ledger.subscriptions import state
from ledger.subscriptions.changes import what_it_means, what_to_do
from ledger.subscriptions.state import ChangeStatus, RequestName, Subscriber, SubscriptionStatus


class PlanChange(msgspec.Struct, frozen=True, kw_only=True):
    """A change that is not in force yet. `pending`: it waits for its invoice to be paid. `scheduled`: it
    comes in force `at` the end of the period. `unknown`: Stripe's answer was lost; it is being found out.
    """

    change_id: str
    status: Literal[ChangeStatus, "unknown"]
    tier: str
    interval: Interval
    price_minor: int
    at: datetime | None


class UnansweredRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Asked of Stripe and not answered yet."""

    request: RequestName
    status: Literal["requested", "unknown"]


class NotFollowed(msgspec.Struct, frozen=True, kw_only=True):
    """Why what Stripe bills is none of our plans. `detail` says what is to be done, to users and to admins
    what each can do.
    """

    code: str
    """`price_without_tier`, `price_interval`, `price_amount` or `price_currency`."""
    detail: str


class Subscription(msgspec.Struct, frozen=True, kw_only=True):
    """`price_minor` is that of one, for one interval of the present period. `status` `requested` and
    `unknown` are being found out at Stripe: look again, and do not subscribe anew.
    """

    subscription_id: str
    user_id: str
    status: SubscriptionStatus
    tier: str
    interval: Interval
    currency: str
    price_minor: int
    quantity: int
    """1, unless who runs the service set another in Stripe's dashboard."""
    others_minor: int
    """What Stripe bills beside the plan for one interval."""
    interval_minor: int
    """What a renewal costs, as things are: price times quantity, and what is billed beside it."""
    not_followed: NotFollowed | None
    discounted_minor: int | None
    """What a renewal comes to after discounts that were given in Stripe; null without any."""
    catalogue_version: str
    payment_method: str
    trial_end: datetime | None
    anchor_at: datetime | None
    period_start: datetime | None
    period_end: datetime | None
    past_due_since: datetime | None
    grace_until: datetime | None
    """The plan's features count until then although the last invoice is not paid."""
    cancel_at: datetime | None
    ended_at: datetime | None
    open_invoice: str
    """The invoice that waits to be paid."""
    change: PlanChange | None
    unanswered: UnansweredRequest | None
    failure: Failure | None = None
    """Why the card was declined."""
    authentication: Authentication | None = None
    """What the card's bank wants to hear its cardholder about."""
    next_action: NextAction | None = None


class CurrentPlan(msgspec.Struct, frozen=True, kw_only=True):
    """`tier` is the one whose features count now; `subscription` null is the free plan."""

    user_id: str
    tier: str
    trial_available: bool
    """There is one trial for each user."""
    token_cap: int
    instructor_share_bp: int
    subscription: Subscription | None
    features: list[Entitlement]


def subscription_of(
    row: state.Subscription,
    user_id: str,
    *,
    failure: Failure | None = None,
    authentication: Authentication | None = None,
    next_action: NextAction | None = None,
    to_admin: bool = False,
) -> Subscription:
    """What is to be done about what is not followed is told to an admin in words of Stripe's dashboard."""
    since = row.past_due_since if row.status == "past_due" else None
    return Subscription(
        subscription_id=row.subscription_id,
        user_id=user_id,
        status=row.status or "unknown",
        tier=row.tier,
        interval=row.interval,
        currency=row.currency,
        price_minor=row.price_minor,
        quantity=row.quantity,
        others_minor=row.others_minor,
        interval_minor=row.interval_minor,
        not_followed=_not_followed(row, to_admin=to_admin),
        discounted_minor=row.discounted_minor,
        catalogue_version=row.catalogue_version,
        payment_method=row.payment_method_id,
        trial_end=row.trial_end,
        anchor_at=row.anchor_at,
        period_start=row.period_start,
        period_end=row.period_end,
        past_due_since=row.past_due_since,
        grace_until=since + GRACE if since else None,
        cancel_at=row.cancel_at,
        ended_at=row.ended_at,
        open_invoice=row.open_invoice_id,
        change=_change(row.change) if row.change else None,
        unanswered=_unanswered(row.request) if row.request else None,
        failure=failure,
        authentication=authentication,
        next_action=next_action,
    )


def _not_followed(row: state.Subscription, *, to_admin: bool) -> NotFollowed | None:
    if not row.not_followed:
        return None
    return NotFollowed(code=row.not_followed, detail=what_to_do(row) if to_admin else what_it_means(row))


def _change(change: state.Change) -> PlanChange:
    return PlanChange(
        change_id=change.change_id,
        status="unknown" if change.unknown else change.status,
        tier=change.tier,
        interval=change.interval,
        price_minor=change.price_minor,
        at=change.at if change.status == "scheduled" else None,
    )


def _unanswered(request: state.OpenRequest) -> UnansweredRequest:
    return UnansweredRequest(request=request.request, status="unknown" if request.unknown else "requested")


def current_of(
    subscriber: Subscriber,
    user_id: str,
    now: datetime,
    catalogue: Catalogue,
    subscription: Subscription | None,
) -> CurrentPlan:
    """`subscription` is the live one as it is shown."""
    bought, status, past_due_since = standing(subscriber)
    tier = effective_tier(bought, status, now, past_due_since)
    keys = dict.fromkeys(key for name in catalogue.tiers for key in catalogue.tiers[name].features)
    return CurrentPlan(
        user_id=user_id,
        tier=tier,
        trial_available=not subscriber.trial_used,
        token_cap=catalogue.tiers[tier].token_cap,
        instructor_share_bp=catalogue.tiers[tier].instructor_share_bp,
        subscription=subscription,
        features=[entitlement_of(subscriber, key, now, catalogue) for key in keys],
    )
