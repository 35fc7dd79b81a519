"""Who may send which command about licences.

Whether somebody manages the organisation whose licence it is, is asked of the organisation, not of a role.
"""

from __future__ import annotations

from collections.abc import Mapping

from ledger.errors import Forbidden
from ledger.licences.commands import (
    AcceptQuote,
    ActivateLicence,
    CloseLicenceDay,
    CreditLicenceInvoice,
    ExpireLicence,
    ExpireLicencePayment,
    FollowLicencePayment,
    InvoiceOverage,
    IssueLicence,
    PayLicenceInvoice,
    PurchaseLicence,
    QuoteLicence,
    RecordCreditPaidOut,
    RecordLicencePayment,
    RecordNotice,
    ReinstateLicence,
    ReissueLicenceKey,
    RenewLicence,
    RevealLicenceKey,
    RevokeLicence,
    SuspendLicence,
    UpgradeLicence,
    WriteOffLicenceInvoice,
)
from ledger.licences.terms import INVOICE
from ledger.message import Command, Origin
from ledger.roles import ADMINS, SYSTEM

MANAGERS = frozenset({"enterprise", "admin"})

MAY_SEND: Mapping[type[Command], frozenset[str]] = {
    QuoteLicence: ADMINS,
    AcceptQuote: MANAGERS,
    IssueLicence: ADMINS,
    ActivateLicence: MANAGERS,
    SuspendLicence: ADMINS,
    ReinstateLicence: ADMINS,
    RenewLicence: MANAGERS,
    UpgradeLicence: MANAGERS,
    RevealLicenceKey: MANAGERS,
    ReissueLicenceKey: MANAGERS,
    RevokeLicence: ADMINS,
    ExpireLicence: SYSTEM,
    RecordNotice: SYSTEM,
    InvoiceOverage: SYSTEM,
    RecordLicencePayment: ADMINS,
    PurchaseLicence: MANAGERS,
    PayLicenceInvoice: MANAGERS,
    ExpireLicencePayment: SYSTEM,
    FollowLicencePayment: SYSTEM,
    CreditLicenceInvoice: ADMINS,
    RecordCreditPaidOut: ADMINS,
    WriteOffLicenceInvoice: ADMINS,
    CloseLicenceDay: SYSTEM,
}


def check_sender(command: Command, origin: Origin) -> None:
    """Who manages an organisation buys for it, and gives it nothing."""
    if not isinstance(command, RenewLicence | UpgradeLicence) or "admin" in origin.roles:
        return
    if command.billing.kind != INVOICE:
        raise Forbidden("Only an administrator gives a licence that is not invoiced.")
    if isinstance(command, RenewLicence) and command.backdate:
        raise Forbidden("Only an administrator backdates a renewal.")
