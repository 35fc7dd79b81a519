"""A subscription that is begun on a page of Stripe's: opened once, and over when nobody began it in time."""

from __future__ import annotations

from ledger.errors import NotFound
from ledger.subscriptions.commands import EndSubscriptionPage, RecordSubscriptionPage
from ledger.subscriptions.events import (
    SubscriptionEvent,
    SubscriptionPageEnding,
    SubscriptionPageOpened,
    SubscriptionRequestFailed,
)
from ledger.subscriptions.state import UNANSWERED, Subscription

PAGE_EXPIRED = "page_expired"
"""Why a request failed whose page nobody used."""
_Events = tuple[SubscriptionEvent, ...]


def record_page(command: RecordSubscriptionPage, subscription: Subscription) -> _Events:
    """Whatever Stripe says of a subscription that began there outranks it."""
    if subscription.status not in UNANSWERED:
        return ()
    if command.status == "expired":
        failed = SubscriptionRequestFailed(
            subscription_id=command.subscription_id,
            request_id=command.subscription_id,
            request="create",
            code=PAGE_EXPIRED,
        )
        return (failed,)
    if subscription.session_id:
        return ()
    return (SubscriptionPageOpened(subscription_id=command.subscription_id, session_id=command.session_id),)


def end_page(command: EndSubscriptionPage, subscription: Subscription) -> _Events:
    if subscription.page_ends_at is None:
        raise NotFound(f"There is no page of subscription {command.subscription_id}.")
    if subscription.status not in UNANSWERED or subscription.page_ending:
        return ()
    return (SubscriptionPageEnding(subscription_id=command.subscription_id),)
