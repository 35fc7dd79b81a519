"""Who may send which command about an invoice."""

from __future__ import annotations

from collections.abc import Mapping

from ledger.errors import Forbidden
from ledger.invoices.commands import (
    CloseDay,
    EndCollection,
    EndService,
    RecordCreditFailure,
    RecordCreditUnknown,
    RecordInvoiceFundsAvailable,
    RecordInvoiceRetryFailure,
    RecordInvoiceRetryUnknown,
    RecordInvoiceSnapshot,
    RecordOffStripePayment,
    RecordOvergiven,
    RequestCredit,
    RequestInvoiceRetry,
    TakeUnusedTime,
)
from ledger.message import Command, Origin
from ledger.roles import ADMINS, SYSTEM, USERS

MAY_SEND: Mapping[type[Command], frozenset[str]] = {
    RecordInvoiceSnapshot: SYSTEM,
    RecordInvoiceFundsAvailable: SYSTEM,
    RecordOffStripePayment: ADMINS,
    RequestInvoiceRetry: USERS | SYSTEM,
    RecordInvoiceRetryFailure: SYSTEM,
    RecordInvoiceRetryUnknown: SYSTEM,
    RequestCredit: ADMINS,
    RecordCreditFailure: SYSTEM,
    RecordCreditUnknown: SYSTEM,
    TakeUnusedTime: SYSTEM,
    RecordOvergiven: SYSTEM,
    EndCollection: SYSTEM,
    CloseDay: SYSTEM,
    EndService: SYSTEM,
}


def check_sender(command: Command, origin: Origin) -> None:
    if (
        isinstance(command, RequestInvoiceRetry)
        and command.cause != "customer"
        and origin.roles.isdisjoint(SYSTEM)
    ):
        raise Forbidden("Only dunning retries by its schedule or for a new card; ask as the customer.")
