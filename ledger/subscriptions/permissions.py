"""Who may send which command about a user's subscriptions."""

from __future__ import annotations

from collections.abc import Mapping

from ledger.message import Command
from ledger.roles import SYSTEM, USERS
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
)

MAY_SEND: Mapping[type[Command], frozenset[str]] = {
    RequestSubscription: USERS,
    RequestChange: USERS,
    RequestCancellation: USERS,
    RequestCancellationWithdrawal: USERS,
    RequestPause: USERS,
    RequestResume: USERS,
    RequestPaymentMethodChange: USERS,
    RecordSubscriptionSnapshot: SYSTEM,
    RecordSubscriptionFailure: SYSTEM,
    RecordSubscriptionPage: SYSTEM,
    RecordSubscriptionUnknown: SYSTEM,
    AdvanceDunning: SYSTEM,
    EndSubscriptionPage: USERS | SYSTEM,
}
