"""Who may send which command about a user's subscriptions."""

from __future__ import annotations

from collections.abc import Mapping

from ledger.message import Command
from ledger.roles import SYSTEM, USERS
from ledger.subscriptions.commands import (
    AdvanceDunning,
    ChangePaymentMethod,
    RecordSubscriptionFailure,
    RecordSubscriptionSnapshot,
    RecordSubscriptionUnknown,
    RequestCancellation,
    RequestChange,
    RequestPause,
    RequestResume,
    RequestSubscription,
    WithdrawCancellation,
)

MAY_SEND: Mapping[type[Command], frozenset[str]] = {
    RequestSubscription: USERS,
    RequestChange: USERS,
    RequestCancellation: USERS,
    WithdrawCancellation: USERS,
    RequestPause: USERS,
    RequestResume: USERS,
    ChangePaymentMethod: USERS,
    RecordSubscriptionSnapshot: SYSTEM,
    RecordSubscriptionFailure: SYSTEM,
    RecordSubscriptionUnknown: SYSTEM,
    AdvanceDunning: SYSTEM,
}
