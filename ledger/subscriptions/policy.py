"""What a user's subscriptions ask of Stripe."""

from __future__ import annotations

from ledger.effects import (
    CancelSubscription,
    ChangeSubscription,
    CreateSubscription,
    Effect,
    EndCollection,
    EndSubscriptionPage,
    EndSubscriptionService,
    KeepSubscription,
    OpenSubscriptionPage,
    PauseSubscription,
    ResolveSubscription,
    ResumeSubscription,
    RetryWithNewCard,
    ReturnUnusedTime,
    UpdateSubscriptionCard,
    WithdrawChange,
)
from ledger.hosted import HostedPage
from ledger.message import Recorded
from ledger.subscriptions.events import (
    CancellationRequested,
    CancellationWithdrawalRequested,
    DuplicateSubscriptionFound,
    PauseRequested,
    PaymentMethodChanged,
    PaymentMethodChangeRequested,
    ResumeRequested,
    SubscriptionCanceled,
    SubscriptionChangeFailed,
    SubscriptionChangeRequested,
    SubscriptionChangeScheduled,
    SubscriptionChangeSuperseded,
    SubscriptionOutcomeUnknown,
    SubscriptionPageEnding,
    SubscriptionRequested,
    SubscriptionStatusChanged,
)
from ledger.subscriptions.stream import KIND


def react(recorded: Recorded) -> tuple[Effect, ...]:
    if not KIND.has(recorded.stream):
        return ()
    user_id, event = KIND.id_of(recorded.stream), recorded.event
    effect = _effect(recorded, user_id)
    asked = () if effect is None else (effect,)
    match event:
        case SubscriptionCanceled():
            return *asked, EndCollection(user_id, event.subscription_id, event.at)
        case SubscriptionStatusChanged(status="incomplete_expired"):
            return *asked, EndCollection(user_id, event.subscription_id, recorded.metadata.effective_at)
        case SubscriptionChangeFailed():
            return *asked, ReturnUnusedTime(user_id, event.subscription_id, event.change_id)
        case _:
            return asked


def _effect(  # noqa: C901, PLR0911, PLR0912 - one answer for each fact that asks for something
    recorded: Recorded, user_id: str
) -> Effect | None:
    event = recorded.event
    match event:
        case SubscriptionRequested(page=HostedPage()):
            return OpenSubscriptionPage(user_id, event.subscription_id)
        case SubscriptionPageEnding():
            return EndSubscriptionPage(user_id, event.subscription_id)
        case SubscriptionRequested():
            return CreateSubscription(user_id, event.subscription_id)
        case SubscriptionOutcomeUnknown():
            return ResolveSubscription(user_id, event.subscription_id, event.request_id)
        case SubscriptionChangeRequested() | SubscriptionChangeScheduled():
            return ChangeSubscription(user_id, event.subscription_id, event.change_id)
        case SubscriptionChangeSuperseded(by=""):
            return WithdrawChange(user_id, event.subscription_id, event.change_id)
        case CancellationRequested():
            return CancelSubscription(user_id, event.subscription_id, event.request_id, event.at_once)
        case DuplicateSubscriptionFound():
            request_id = f"duplicate_{event.subscription_id}"
            return CancelSubscription(user_id, event.subscription_id, request_id, at_once=True)
        case CancellationWithdrawalRequested():
            return KeepSubscription(user_id, event.subscription_id, event.request_id)
        case PauseRequested():
            return PauseSubscription(user_id, event.subscription_id, event.request_id)
        case ResumeRequested():
            return ResumeSubscription(user_id, event.subscription_id, event.request_id)
        case PaymentMethodChangeRequested():
            return UpdateSubscriptionCard(user_id, event.subscription_id, event.request_id)
        case PaymentMethodChanged(open_invoice_id=invoice_id) if invoice_id:
            return RetryWithNewCard(user_id, event.subscription_id, invoice_id)
        case SubscriptionCanceled() if event.at < event.period_end:
            return EndSubscriptionService(user_id, event.subscription_id, event.at)
        case _:
            return None
