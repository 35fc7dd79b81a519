"""The rules of one licence: each term is given once, no more is taken than is open, and all that was sold is
earned, given back or written off in the end.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args

from ledger.licences import (
    card_payments,
    crediting,
    granting,
    invoicing,
    keying,
    recognising,
    standing,
    upgrading,
)
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
    LicenceCommand,
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
from ledger.licences.events import LicenceEvent
from ledger.licences.state import Licence, evolve
from ledger.licences.stream import stream_of
from ledger.message import Command, Decider

_RULES: dict[type[Command], Callable[[Any, Licence], tuple[LicenceEvent, ...]]] = {
    QuoteLicence: granting.quote,
    AcceptQuote: granting.accept,
    IssueLicence: granting.issue,
    RenewLicence: granting.renew,
    UpgradeLicence: upgrading.upgrade,
    ActivateLicence: standing.activate,
    SuspendLicence: standing.suspend,
    ReinstateLicence: standing.reinstate,
    RevealLicenceKey: keying.reveal,
    ReissueLicenceKey: keying.reissue,
    RevokeLicence: standing.revoke,
    ExpireLicence: standing.expire,
    RecordNotice: standing.notice,
    InvoiceOverage: invoicing.invoice_overage,
    RecordLicencePayment: invoicing.record_payment,
    PurchaseLicence: card_payments.purchase,
    PayLicenceInvoice: card_payments.pay_invoice,
    ExpireLicencePayment: card_payments.expire,
    FollowLicencePayment: card_payments.follow,
    CreditLicenceInvoice: crediting.credit,
    RecordCreditPaidOut: crediting.record_paid_out,
    WriteOffLicenceInvoice: crediting.write_off,
    CloseLicenceDay: recognising.close_day,
}


def decide(command: LicenceCommand, licence: Licence) -> tuple[LicenceEvent, ...]:
    return _RULES[type(command)](command, licence)


def stream(command: LicenceCommand) -> str:
    return stream_of(command.licence_id)


LICENCE: Decider[LicenceCommand, Licence, LicenceEvent] = Decider(
    stream=stream,
    decide=decide,
    evolve=evolve,
    initial=Licence(),
    commands=get_args(LicenceCommand),
    events=get_args(LicenceEvent),
)
