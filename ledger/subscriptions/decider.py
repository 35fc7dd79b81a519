"""The rules of one user's subscriptions: at most one is live, one trial ever, one request at a time.

What the user asks for is judged; what Stripe reports is recorded. Only a report about a subscription that was
never requested here, and does not name this ledger, is refused, so that it is looked at and not dropped.
"""

from __future__ import annotations

from typing import get_args

from ledger.errors import NotFound
from ledger.invoices.dunning import CANCEL_AFTER, UNPAID_AFTER
from ledger.message import Decider
from ledger.subscriptions.changes import check_plan, request_change
from ledger.subscriptions.commands import (
    AdvanceDunning,
    EndSubscriptionPage,
    RecordSubscriptionFailure,
    RecordSubscriptionPage,
    RecordSubscriptionSnapshot,
    RecordSubscriptionUnknown,
    RequestCancellation,
    RequestCancellationWithdrawal,
    RequestChange,
    RequestPause,
    RequestPaymentMethodChange,
    RequestResume,
    RequestSubscription,
    SubscriptionCommand,
)
from ledger.subscriptions.events import (
    CancellationRequested,
    CancellationWithdrawalRequested,
    PauseRequested,
    PaymentMethodChangeRequested,
    ResumeRequested,
    SubscriptionChangeFailed,
    SubscriptionChangeSuperseded,
    SubscriptionEvent,
    SubscriptionOutcomeUnknown,
    SubscriptionRequested,
    SubscriptionRequestFailed,
    SubscriptionStatusChanged,
)
from ledger.subscriptions.pages import end_page, record_page
from ledger.subscriptions.refusals import (
    InvalidText,
    InvalidTrial,
    NotCanceling,
    NotPaused,
    RequestInProgress,
    SubscriptionEnded,
    SubscriptionExists,
    SubscriptionNotActive,
    TrialUsed,
)
from ledger.subscriptions.snapshot import new_facts, take_up
from ledger.subscriptions.state import UNANSWERED, Subscriber, Subscription, evolve
from ledger.subscriptions.stream import stream_of

LONGEST_TRIAL_DAYS = 730
"""Stripe's limit."""
TEXT_MAX = 255

_Events = tuple[SubscriptionEvent, ...]


def decide(  # noqa: PLR0911 - one answer for each command of a closed union
    command: SubscriptionCommand, subscriber: Subscriber
) -> _Events:
    if isinstance(command, RequestSubscription):
        return _request(command, subscriber)
    if isinstance(command, RecordSubscriptionSnapshot):
        return _record_snapshot(command, subscriber)
    subscription = subscriber.subscriptions.get(command.subscription_id)
    if subscription is None:
        raise NotFound(f"There is no subscription {command.subscription_id}.")
    match command:
        case RecordSubscriptionFailure():
            return _record_failure(command, subscription)
        case RecordSubscriptionUnknown():
            return _record_unknown(command, subscription)
        case AdvanceDunning():
            return _advance_dunning(command, subscription)
        case RecordSubscriptionPage():
            return record_page(command, subscription)
        case EndSubscriptionPage():
            return end_page(command, subscription)
        case _:
            return _ask(command, subscription)


def _record_snapshot(command: RecordSubscriptionSnapshot, subscriber: Subscriber) -> _Events:
    if command.subscription_id in subscriber.subscriptions:
        return new_facts(command, subscriber)
    if command.lost is None:
        raise NotFound(
            f"There is no subscription {command.subscription_id} of this user; "
            "does another ledger use this Stripe account?"
        )
    if not command.tier:
        raise NotFound(
            f"Subscription {command.subscription_id} is not in this ledger, and its price at Stripe names no "
            "tier that it could be taken up with: set the price's metadata `tier`."
        )
    return take_up(command, command.lost, subscriber)


_Wish = (
    RequestChange
    | RequestCancellation
    | RequestCancellationWithdrawal
    | RequestPause
    | RequestResume
    | RequestPaymentMethodChange
)


def _ask(command: _Wish, subscription: Subscription) -> _Events:
    _check_may_ask(command, subscription)
    match command:
        case RequestChange():
            _check_texts(command.change_id)
            return request_change(command, subscription)
        case RequestCancellation():
            _check_texts(command.request_id, reason=command.reason)
            return _cancel(command, subscription)
        case RequestCancellationWithdrawal():
            _check_texts(command.request_id)
            return _withdraw(command, subscription)
        case RequestPause():
            _check_texts(command.request_id)
            return _pause(command, subscription)
        case RequestResume():
            _check_texts(command.request_id)
            return _resume(command, subscription)
        case RequestPaymentMethodChange():
            _check_texts(command.request_id, command.payment_method_id)
            return _change_payment_method(command, subscription)


def _check_may_ask(command: _Wish, subscription: Subscription) -> None:
    if not subscription.live:
        raise SubscriptionEnded(
            f"Subscription {command.subscription_id} is {subscription.status}; subscribe anew."
        )
    if subscription.status in UNANSWERED and subscription.page_ends_at is not None:
        raise RequestInProgress(
            f"This subscription can be begun on its page: end that instead (POST /api/checkout/"
            f"{subscription.subscription_id}/expire)."
        )
    if subscription.status in UNANSWERED:
        raise RequestInProgress(
            "This subscription is being made at Stripe; try again when its outcome is known."
        )
    if subscription.request is not None:
        raise RequestInProgress(
            f"A request ({subscription.request.request}) is on its way to Stripe; "
            "try again when its outcome is known."
        )


def _request(command: RequestSubscription, subscriber: Subscriber) -> _Events:
    _check_texts(command.subscription_id, command.user_id, command.stripe_customer_id)
    if command.page is None:
        _check_texts(command.payment_method_id)
    check_plan(command.tier, command.interval, command.currency, command.price_minor)
    if not 0 <= command.trial_days <= LONGEST_TRIAL_DAYS:
        raise InvalidTrial(f"A trial lasts from 0 to {LONGEST_TRIAL_DAYS} days; correct the catalogue.")
    if command.subscription_id in subscriber.subscriptions:
        # its id derives from the intent: this very request made it, and was lost here when Stripe's was not
        return ()
    live = subscriber.live
    if live is not None:
        raise SubscriptionExists(_instead(live))
    if command.trial_days and subscriber.trial_used:
        raise TrialUsed("The trial was used before, and there is one for each user; subscribe without it.")
    requested = SubscriptionRequested(
        subscription_id=command.subscription_id,
        user_id=command.user_id,
        tier=command.tier,
        interval=command.interval,
        currency=command.currency,
        price_minor=command.price_minor,
        catalogue_version=command.catalogue_version,
        payment_method_id=command.payment_method_id,
        stripe_customer_id=command.stripe_customer_id,
        trial_days=command.trial_days,
        page=command.page,
        promotion_code_id=command.promotion_code_id,
    )
    return (requested,)


def _instead(live: Subscription) -> str:
    begin = f"Subscription {live.subscription_id} is {live.status}"
    match live.status:
        case "requested" | "unknown" if live.page_ends_at is not None:
            page = f"/api/checkout/{live.subscription_id}"
            return (
                f"{begin}: it can be begun on its page; go on there (GET {page} has its address), or end it "
                f"(POST {page}/expire) and subscribe anew."
            )
        case "requested" | "unknown":
            return f"{begin}: its outcome at Stripe is being found out; wait for that."
        case "incomplete":
            return f"{begin}: confirm or pay its first invoice, or cancel it at once and subscribe anew."
        case _:
            return f"{begin}: change its plan instead, or cancel it first."


def _cancel(command: RequestCancellation, subscription: Subscription) -> _Events:
    if not command.at_once:
        if subscription.cancel_at is not None:
            return ()
        if subscription.status == "incomplete":
            raise SubscriptionNotActive("This subscription has not begun: cancel it at once.")
    change = subscription.change
    if change is not None and (change.unknown or change.status == "requested"):
        raise RequestInProgress("A change is on its way to Stripe; try again when its outcome is known.")
    requested = CancellationRequested(
        subscription_id=command.subscription_id,
        request_id=command.request_id,
        at_once=command.at_once,
        reason=command.reason,
    )
    if change is None or command.at_once:
        return (requested,)
    # What would follow the end will not: Stripe is told so first.
    dropped = SubscriptionChangeSuperseded(
        subscription_id=command.subscription_id, change_id=change.change_id
    )
    return dropped, requested


def _withdraw(command: RequestCancellationWithdrawal, subscription: Subscription) -> _Events:
    if subscription.cancel_at is None:
        raise NotCanceling("No cancellation is scheduled; there is nothing to withdraw.")
    wish = CancellationWithdrawalRequested(
        subscription_id=command.subscription_id, request_id=command.request_id
    )
    return (wish,)


def _pause(command: RequestPause, subscription: Subscription) -> _Events:
    if subscription.status == "paused":
        return ()
    if subscription.status not in {"active", "trialing"}:
        raise SubscriptionNotActive(
            f"This subscription is {subscription.status}; only one that is active or on trial can be paused."
        )
    return (PauseRequested(subscription_id=command.subscription_id, request_id=command.request_id),)


def _resume(command: RequestResume, subscription: Subscription) -> _Events:
    if subscription.status != "paused":
        raise NotPaused(
            f"This subscription is {subscription.status}, not paused; there is nothing to resume."
        )
    return (ResumeRequested(subscription_id=command.subscription_id, request_id=command.request_id),)


def _change_payment_method(command: RequestPaymentMethodChange, subscription: Subscription) -> _Events:
    if command.payment_method_id == subscription.payment_method_id:
        return ()
    wish = PaymentMethodChangeRequested(
        subscription_id=command.subscription_id,
        request_id=command.request_id,
        payment_method_id=command.payment_method_id,
    )
    return (wish,)


def _record_failure(command: RecordSubscriptionFailure, subscription: Subscription) -> _Events:
    change = subscription.change
    if change is not None and change.change_id == command.request_id:
        failed = SubscriptionChangeFailed(
            subscription_id=command.subscription_id,
            change_id=change.change_id,
            code=command.code,
            decline_code=command.decline_code,
        )
        return (failed,)
    request = _request_of(command.request_id, subscription)
    if not request:
        return ()
    refused = SubscriptionRequestFailed(
        subscription_id=command.subscription_id,
        request_id=command.request_id,
        request=request,
        code=command.code,
        decline_code=command.decline_code,
    )
    return (refused,)


def _record_unknown(command: RecordSubscriptionUnknown, subscription: Subscription) -> _Events:
    change, request = subscription.change, _request_of(command.request_id, subscription)
    if change is not None and change.change_id == command.request_id:
        request = "change"
        known = change.unknown
    elif request == "create":
        known = subscription.status == "unknown"
    else:
        known = subscription.request is not None and subscription.request.unknown
    if not request or known:
        return ()
    unknown = SubscriptionOutcomeUnknown(
        subscription_id=command.subscription_id,
        request_id=command.request_id,
        request=request,
        cause=command.cause,
    )
    return (unknown,)


def _request_of(request_id: str, subscription: Subscription) -> str:
    """Which unanswered request it is; empty when it is answered or was never made."""
    if request_id == subscription.subscription_id:
        return "create" if subscription.status in UNANSWERED else ""
    request = subscription.request
    return request.request if request is not None and request.request_id == request_id else ""


def _advance_dunning(command: AdvanceDunning, subscription: Subscription) -> _Events:
    since = subscription.past_due_since
    if since is None or subscription.status not in {"past_due", "unpaid"}:
        return ()
    events: list[SubscriptionEvent] = []
    if subscription.status == "past_due" and command.effective_at >= since + UNPAID_AFTER:
        unpaid = SubscriptionStatusChanged(
            subscription_id=command.subscription_id,
            status="unpaid",
            was="past_due",
            past_due_since=since,
            cause="dunning",
        )
        events.append(unpaid)
    if command.effective_at >= since + CANCEL_AFTER and subscription.request is None:
        end = CancellationRequested(
            subscription_id=command.subscription_id,
            request_id=f"dunning_{command.command_id}",
            at_once=True,
            reason="dunning",
        )
        events.append(end)
    return tuple(events)


def _check_texts(*required: str, reason: str = "") -> None:
    for text in required:
        if not text or len(text) > TEXT_MAX or "\0" in text:
            raise InvalidText(
                f"Ids must have from 1 to {TEXT_MAX} characters without NUL; {text!r} does not."
            )
    if len(reason) > TEXT_MAX or "\0" in reason:
        raise InvalidText(f"`reason` must have at most {TEXT_MAX} characters, and no NUL.")


def stream(command: SubscriptionCommand) -> str:
    return stream_of(command.user_id)


SUBSCRIBER: Decider[SubscriptionCommand, Subscriber, SubscriptionEvent] = Decider(
    stream=stream,
    decide=decide,
    evolve=evolve,
    initial=Subscriber(),
    commands=get_args(SubscriptionCommand),
    events=get_args(SubscriptionEvent),
)
