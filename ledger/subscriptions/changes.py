"""From one plan to another: which way it is, what it costs now, and whether the preview still holds."""

from __future__ import annotations

from datetime import datetime, timedelta

from ledger import money
from ledger.catalogue import FREE, TIERS, rank
from ledger.subscriptions.commands import RequestChange
from ledger.subscriptions.events import (
    SubscriptionChangeRequested,
    SubscriptionChangeScheduled,
    SubscriptionChangeSuperseded,
    SubscriptionEvent,
)
from ledger.subscriptions.proration import Preview, preview
from ledger.subscriptions.refusals import (
    BilledOtherwise,
    CancellationPending,
    CurrencyMismatch,
    IntervalChange,
    InvalidPrice,
    PreviewExpired,
    PreviewMismatch,
    PreviewRequired,
    RequestInProgress,
    SamePlan,
    SubscriptionNotActive,
    UnknownTier,
)
from ledger.subscriptions.state import Subscription
from ledger.subscriptions.worth import PaidTime, unused, up_to

PREVIEW_HOLDS = timedelta(minutes=10)
"""How long a user may look at a preview before confirming it."""
_CLOCK_SKEW = timedelta(minutes=1)
INTERVALS = ("month", "year")
_NOT_FOLLOWED = {
    "price_without_tier": "one that names no tier: set that price's metadata `tier` to one of "
    "`GET /api/plans`, or choose a price of ours there.",
    "price_interval": "one that is billed neither by the month nor by the year: choose one that is.",
    "price_amount": "one without an amount of its own, as by tiers or by use: choose one that has it.",
    "price_currency": "one whose own currency is not the subscription's: choose one made in that currency.",
}
_UNTIL_THEN = (
    "Until then the tier stays as it was, what Stripe invoices is booked, and the plan cannot be changed."
)
_INACTIVE = {
    "incomplete": "confirm or pay its first invoice before",
    "past_due": "pay its open invoice before",
    "unpaid": "pay its open invoice before",
    "paused": "resume it before",
}


def is_upgrade(tier: str, interval: str, new_tier: str, new_interval: str) -> bool:
    """A higher tier, or the same one for a year instead of a month: in force at once. All else is less."""
    if rank(new_tier) != rank(tier):
        return rank(new_tier) > rank(tier)
    return INTERVALS.index(new_interval) > INTERVALS.index(interval)


def preview_change(
    subscription: Subscription,
    new_tier: str,
    new_price_minor: int,
    new_interval: str,
    at: datetime,
    paid: PaidTime | None = None,
) -> Preview:
    """What an upgrade at `at` charges, on what the present period was billed at, of which `paid` is still
    paid after `at`, and after the discounts that stand; nothing while on trial.

    As many are bought of the new plan as of the present one, and what is billed beside it goes on.
    Raises `SubscriptionNotActive` for one that has no period yet.
    """
    start, end = subscription.period_start, subscription.period_end
    if start is None or end is None:
        raise SubscriptionNotActive("This subscription has not begun; wait until it has.")
    on_trial = subscription.status == "trialing"
    return preview(
        price_minor=0 if on_trial else subscription.paid_minor,
        interval=subscription.interval,
        new_price_minor=0
        if on_trial
        else subscription.after_discounts(new_price_minor * subscription.quantity, new_tier),
        # a trial goes on to its end, whatever follows it
        new_interval=subscription.interval if on_trial else new_interval,
        period_start=start,
        period_end=end,
        at=at,
        currency=subscription.currency,
        worth=lambda by_price_minor: unused(by_price_minor, paid),
    )


def request_change(command: RequestChange, subscription: Subscription) -> tuple[SubscriptionEvent, ...]:
    check_plan(command.tier, command.interval, command.currency, command.price_minor)
    _check_may_change(command, subscription)
    _check_followed(command, subscription)
    waiting = subscription.change
    plan = (command.tier, command.interval)
    superseded = (
        (
            SubscriptionChangeSuperseded(
                subscription_id=subscription.subscription_id,
                change_id=waiting.change_id,
                by=command.change_id if plan != (subscription.tier, subscription.interval) else "",
            ),
        )
        if waiting
        else ()
    )
    if plan == (subscription.tier, subscription.interval):
        if not superseded:
            raise SamePlan(f"This is the present plan, {command.tier} by the {command.interval}.")
        return superseded
    if waiting and plan == (waiting.tier, waiting.interval):
        raise SamePlan(f"A change to {command.tier} by the {command.interval} is on its way already.")
    if is_upgrade(subscription.tier, subscription.interval, command.tier, command.interval):
        return *superseded, _upgrade(command, subscription)
    return *superseded, _downgrade(command, subscription)


def check_plan(tier: str, interval: str, currency: str, price_minor: int) -> None:
    if tier == FREE:
        raise UnknownTier("Free needs no subscription; to go back to it, cancel the one there is.")
    if tier not in TIERS or interval not in INTERVALS:
        raise UnknownTier(f"There is no plan {tier!r} by the {interval!r}; GET /api/plans lists them.")
    if not money.is_currency(currency):
        raise InvalidPrice(f"{currency!r} is no currency: send an ISO 4217 code such as 'usd'.")
    if fault := money.charge_fault(price_minor, currency):
        written = money.format_minor(price_minor, currency)
        raise InvalidPrice(f"The price {fault}; it is {written}: correct the catalogue.")


def _check_may_change(command: RequestChange, subscription: Subscription) -> None:
    if subscription.status not in {"active", "trialing"}:
        hint = _INACTIVE.get(subscription.status, "wait until it is active before")
        raise SubscriptionNotActive(
            f"This subscription is {subscription.status}; {hint} you change the plan."
        )
    change = subscription.change
    if change is not None and (change.unknown or change.status == "requested"):
        raise RequestInProgress("A change is on its way to Stripe; try again when its outcome is known.")
    if subscription.cancel_at is not None:
        raise CancellationPending(
            f"This subscription ends on {subscription.cancel_at:%Y-%m-%dT%H:%M:%SZ}; withdraw that first."
        )
    if command.currency != subscription.currency:
        raise CurrencyMismatch(
            f"This subscription is billed in {subscription.currency.upper()} and cannot change to "
            f"{command.currency.upper()}; choose a price in {subscription.currency.upper()}."
        )


def _check_followed(command: RequestChange, subscription: Subscription) -> None:
    if subscription.not_followed:
        raise BilledOtherwise(what_it_means(subscription))
    if subscription.other_items and command.interval != subscription.interval:
        raise BilledOtherwise(
            f"{subscription.other_items} more items are billed by the {subscription.interval} with this "
            f"subscription, so that its plan cannot be billed by the {command.interval}: choose a plan of "
            "the same interval, or ask support to have them removed first."
        )


def what_it_means(subscription: Subscription) -> str:
    """To its user, of what Stripe bills and is not followed; empty when it is."""
    if not subscription.not_followed:
        return ""
    return (
        "Who runs the service changed the price of this subscription, and it is none of the plans here. "
        f"{_UNTIL_THEN} Ask support to have that corrected."
    )


def what_to_do(subscription: Subscription) -> str:
    """To an operator, why what Stripe bills is not followed, and how it can be again; empty when it is."""
    code = subscription.not_followed
    if not code:
        return ""
    became = _NOT_FOLLOWED.get(code, _NOT_FOLLOWED["price_without_tier"])
    return f"The price was changed in Stripe's dashboard to {became} {_UNTIL_THEN}"


def _upgrade(command: RequestChange, subscription: Subscription) -> SubscriptionChangeRequested:
    at, expected = command.proration_at, command.expected_minor
    if at is None or expected is None:
        raise PreviewRequired(
            "An upgrade is charged at once: ask for a preview, and send its `proration_at` and "
            "`expected_minor` along."
        )
    if at > command.effective_at + _CLOCK_SKEW:
        raise PreviewMismatch("`proration_at` is in the future; send what the preview answered.")
    outside = subscription.period_end is None or at >= subscription.period_end
    if outside or command.effective_at - at > PREVIEW_HOLDS:
        raise PreviewExpired(
            f"The preview is older than {PREVIEW_HOLDS // timedelta(minutes=1)} minutes or of an earlier "
            "period; ask for a new one."
        )
    now = preview_change(subscription, command.tier, command.price_minor, command.interval, at, command.paid)
    if expected != now.charge_minor:
        raise PreviewMismatch(
            f"The change would charge {money.format_minor(now.charge_minor, command.currency)}, not "
            f"{money.format_minor(expected, command.currency)}; ask for a new preview and confirm that one."
        )
    return SubscriptionChangeRequested(
        subscription_id=subscription.subscription_id,
        change_id=command.change_id,
        tier=command.tier,
        interval=command.interval,
        currency=command.currency,
        price_minor=command.price_minor,
        catalogue_version=command.catalogue_version,
        # our clock may be a little behind when a period has just begun
        proration_at=max(at, subscription.period_start or at),
        expected_minor=expected,
        given_back_minor=now.given_back_minor,
        takes=up_to(now.unused_minor, command.paid.takes) if command.paid else (),
        taker=command.paid.taker if command.paid else "",
        instead_of=waiting_taker(subscription),
    )


def waiting_taker(subscription: Subscription) -> str:
    """How the invoices call the upgrade that waits for its payment; empty when there is none."""
    waits = subscription.change
    return waits.taker if waits is not None and waits.status == "pending" else ""


def less_is_paid(subscription: Subscription, at: datetime, paid: PaidTime) -> bool:
    """Than the price says of the present plan's time after `at`."""
    begun = subscription.period_start is not None and subscription.period_end is not None
    return (
        begun
        and preview_change(
            subscription, subscription.tier, 0, subscription.interval, at, paid
        ).given_back_minor
        > 0
    )


def _downgrade(command: RequestChange, subscription: Subscription) -> SubscriptionChangeScheduled:
    at = subscription.period_end
    assert at is not None, "one that is active has a period"
    if command.interval != subscription.interval:
        # Stripe would bill it at once instead of with the next period
        raise IntervalChange(
            f"{subscription.tier} by the {subscription.interval} cannot go on as {command.tier} by the "
            f"{command.interval}: cancel it for the end of the period and subscribe anew then."
        )
    return SubscriptionChangeScheduled(
        subscription_id=subscription.subscription_id,
        change_id=command.change_id,
        tier=command.tier,
        interval=command.interval,
        currency=command.currency,
        price_minor=command.price_minor,
        catalogue_version=command.catalogue_version,
        at=at,
    )
