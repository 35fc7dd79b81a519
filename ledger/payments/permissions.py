"""Who may send which command about a payment."""

from __future__ import annotations

from collections.abc import Mapping

from ledger.errors import Forbidden
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
from ledger.roles import ADMINS, SYSTEM, USERS

MAY_SEND: Mapping[type[Command], frozenset[str]] = {
    InitiatePayment: USERS,
    RequestRefund: USERS,
    RecordPaymentSnapshot: SYSTEM,
    RecordPaymentFailure: SYSTEM,
    RecordPaymentUnknown: SYSTEM,
    RecordFundsAvailable: SYSTEM,
    RecordRefundFailure: SYSTEM,
    RecordRefundUnknown: SYSTEM,
}


def check_sender(command: Command, origin: Origin) -> None:
    if isinstance(command, RequestRefund) and command.by_admin and origin.roles.isdisjoint(ADMINS):
        raise Forbidden("Only an administrator may refund someone else's payment or after the window closed.")
