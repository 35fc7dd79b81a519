"""Who may send which command. HTTP routes ask earlier and more finely; here is the last gate."""

from __future__ import annotations

from collections.abc import Mapping

from ledger.customers.commands import RecordCustomer, RemovePaymentMethod, SavePaymentMethod
from ledger.errors import Forbidden
from ledger.invoices.commands import (
    CloseDay,
    EndService,
    RecordCreditFailure,
    RecordCreditUnknown,
    RecordInvoiceFundsAvailable,
    RecordInvoiceRetryFailure,
    RecordInvoiceRetryUnknown,
    RecordInvoiceSnapshot,
    RequestCredit,
    RequestInvoiceRetry,
)
from ledger.message import Command, Origin
from ledger.payments.commands import (
    InitiatePayment,
    RecordFundsAvailable,
    RecordPaymentFailure,
    RecordPaymentSnapshot,
    RecordPaymentUnknown,
    RecordRefundFailure,
    RecordRefundUnknown,
    RequestRefund,
)
from ledger.payouts.commands import RecordPayoutSnapshot
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
from ledger.webhooks.commands import ReceiveWebhook, RecordWebhookApplied

ROLES = frozenset({"student", "instructor", "enterprise", "admin", "service", "system"})
_USERS = frozenset({"student", "instructor", "enterprise", "admin"})
_SYSTEM = frozenset({"system"})
"""The actors `stripe`, `worker` and `operator`: they report, and ask for nothing."""

MAY_SEND: Mapping[type[Command], frozenset[str]] = {
    InitiatePayment: _USERS,
    RequestRefund: _USERS,
    RecordPaymentSnapshot: _SYSTEM,
    RecordPaymentFailure: _SYSTEM,
    RecordPaymentUnknown: _SYSTEM,
    RecordFundsAvailable: _SYSTEM,
    RecordRefundFailure: _SYSTEM,
    RecordRefundUnknown: _SYSTEM,
    RecordCustomer: _USERS | _SYSTEM,
    SavePaymentMethod: _USERS | _SYSTEM,
    RemovePaymentMethod: _USERS | _SYSTEM,
    ReceiveWebhook: _SYSTEM,
    RecordWebhookApplied: _SYSTEM,
    RecordPayoutSnapshot: _SYSTEM,
    RequestSubscription: _USERS,
    RequestChange: _USERS,
    RequestCancellation: _USERS,
    WithdrawCancellation: _USERS,
    RequestPause: _USERS,
    RequestResume: _USERS,
    ChangePaymentMethod: _USERS,
    RecordSubscriptionSnapshot: _SYSTEM,
    RecordSubscriptionFailure: _SYSTEM,
    RecordSubscriptionUnknown: _SYSTEM,
    AdvanceDunning: _SYSTEM,
    RecordInvoiceSnapshot: _SYSTEM,
    RecordInvoiceFundsAvailable: _SYSTEM,
    RequestInvoiceRetry: _USERS | _SYSTEM,
    RecordInvoiceRetryFailure: _SYSTEM,
    RecordInvoiceRetryUnknown: _SYSTEM,
    RequestCredit: frozenset({"admin"}),
    RecordCreditFailure: _SYSTEM,
    RecordCreditUnknown: _SYSTEM,
    CloseDay: _SYSTEM,
    EndService: _SYSTEM,
}


def check(command: Command, origin: Origin) -> None:
    """Raises `Forbidden` when none of the origin's roles may send `command`."""
    allowed = MAY_SEND.get(type(command), frozenset())
    if origin.roles.isdisjoint(allowed):
        raise Forbidden(f"{command.NAME} needs one of the roles {', '.join(sorted(allowed)) or 'of nobody'}.")
    if isinstance(command, RequestRefund) and command.by_admin and "admin" not in origin.roles:
        raise Forbidden("Only an administrator may refund someone else's payment or after the window closed.")
    if (
        isinstance(command, RequestInvoiceRetry)
        and command.cause != "customer"
        and "system" not in origin.roles
    ):
        raise Forbidden("Only dunning retries by its schedule or for a new card; ask as the customer.")
