"""Who may send which command about a payment."""

from __future__ import annotations

from collections.abc import Mapping

from ledger.errors import Forbidden
from ledger.message import Command, Origin
from ledger.payments.commands import (
    CancelPayment,
    InitiatePayment,
    RecordFundsAvailable,
    RecordPaymentFailure,
    RecordPaymentPage,
    RecordPaymentSnapshot,
    RecordPaymentUnknown,
    RecordRefundFailure,
    RecordRefundUnknown,
    RequestRefund,
)
from ledger.roles import ADMINS, SYSTEM, USERS

MAY_SEND: Mapping[type[Command], frozenset[str]] = {
    InitiatePayment: USERS | SYSTEM,
    CancelPayment: USERS | SYSTEM,
    RequestRefund: USERS | SYSTEM,
    RecordPaymentSnapshot: SYSTEM,
    RecordPaymentFailure: SYSTEM,
    RecordPaymentPage: SYSTEM,
    RecordPaymentUnknown: SYSTEM,
    RecordFundsAvailable: SYSTEM,
    RecordRefundFailure: SYSTEM,
    RecordRefundUnknown: SYSTEM,
}


def check_sender(command: Command, origin: Origin) -> None:
    """What follows from a fact, such as the payment of a sale, is sent by the system and by nobody else."""
    match command:
        case RequestRefund(revoke_access=True) if origin.roles.isdisjoint(ADMINS | SYSTEM):
            raise Forbidden(
                "Only an administrator says whether a refund takes the access; leave `revoke_access` out."
            )
        case RequestRefund(by_admin=True) if origin.roles.isdisjoint(ADMINS | SYSTEM):
            raise Forbidden(
                "Only an administrator may refund someone else's payment or after the window closed."
            )
        case InitiatePayment(purpose="licence"):
            if origin.roles.isdisjoint(SYSTEM):
                raise Forbidden("What a licence costs is known here: buy it, or pay its invoice, instead.")
        case InitiatePayment(sale=None):
            _check_person(command, origin)
        case InitiatePayment() if origin.roles.isdisjoint(SYSTEM):
            raise Forbidden("What a sale costs is computed here: buy the course instead.")
        case CancelPayment(by_system=True) if origin.roles.isdisjoint(SYSTEM):
            raise Forbidden("Only the system cancels a payment in its own name; cancel yours as its owner.")
        case CancelPayment(by_admin=True) if origin.roles.isdisjoint(ADMINS | SYSTEM):
            raise Forbidden("Only an administrator cancels somebody else's payment.")
        case CancelPayment(by_system=False):
            _check_person(command, origin)
        case _:
            pass


def _check_person(command: Command, origin: Origin) -> None:
    if origin.roles.isdisjoint(USERS):
        raise Forbidden(f"{command.NAME} is a person's to send here: the system pays only for sales.")
