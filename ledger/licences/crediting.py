"""What is given back of an invoice, paid out, or written off."""

from __future__ import annotations

from functools import reduce

from ledger.licences.checks import (
    check_amount,
    check_date,
    check_ids,
    check_reason,
    check_reference,
    check_step,
    invoice_of,
    known,
    written,
)
from ledger.licences.commands import CreditLicenceInvoice, RecordCreditPaidOut, WriteOffLicenceInvoice
from ledger.licences.events import (
    LicenceCredited,
    LicenceCreditPaidOut,
    LicenceEvent,
    LicenceWrittenOff,
)
from ledger.licences.invoicing import overtaken, share
from ledger.licences.recognising import instant, recognised
from ledger.licences.refusals import AmountExceedsOpen, LicenceInvoiceNotOpen
from ledger.licences.state import Licence, evolve
from ledger.message import Instant
from ledger.money import round_to_step

_Events = tuple[LicenceEvent, ...]


def credit(command: CreditLicenceInvoice, licence: Licence) -> _Events:
    check_ids(command.credit_id)
    check_reason(command.reason)
    invoice_of(licence, command.invoice_id)
    if command.net_minor is not None:
        check_amount("net_minor", command.net_minor)
        check_step("net_minor", command.net_minor, licence)
    at = instant(licence, command.effective_at)
    earned = recognised(licence, at)
    licence = reduce(evolve, earned, licence)
    invoice = invoice_of(licence, command.invoice_id)
    net = invoice.deferral.left_minor if command.net_minor is None else command.net_minor
    if not invoice.sold_minor or not net:
        raise LicenceInvoiceNotOpen(
            "All of this invoice is given back or written off already."
            if not invoice.sold_minor
            else "All of this invoice is earned: say in `net_minor` how much of that is given back."
        )
    if net > invoice.sold_minor:
        raise AmountExceedsOpen(
            f"{written(invoice.sold_minor, licence)} without tax is left of this invoice; "
            f"{written(net, licence)} was to be given back."
        )
    note = credited(licence, command.invoice_id, command.credit_id, net, at, command.reason)
    return (*earned, note, *overtaken(evolve(licence, note), command.invoice_id))


def credited(
    licence: Licence, invoice_id: str, credit_id: str, net_minor: int, at: Instant, reason: str
) -> LicenceCredited:
    """Of what is not earned first, then of what is, with its share of the tax; what is open becomes less
    first. For an invoice of which all is recognised up to `at`.
    """
    invoice = licence.invoices[invoice_id]
    deferred = min(net_minor, invoice.deferral.left_minor)
    tax = _tax_of(licence, invoice.owed_tax_minor, net_minor, invoice.sold_minor)
    receivable = min(net_minor + tax, invoice.open_minor)
    of_tax = max(share(tax, receivable, net_minor + tax), receivable - invoice.open_net_minor)
    return LicenceCredited(
        licence_id=licence.licence_id,
        org_id=licence.org_id,
        invoice_id=invoice_id,
        credit_id=credit_id,
        number=f"{invoice.number}-C{invoice.credits + 1}",
        currency=licence.currency,
        deferred_minor=deferred,
        recognised_minor=net_minor - deferred,
        tax_minor=tax,
        receivable_minor=receivable,
        open_tax_minor=min(of_tax, invoice.open_tax_minor),
        at=at,
        reason=reason,
    )


def _tax_of(licence: Licence, tax_minor: int, net_minor: int, sold_minor: int) -> int:
    """All of it with all that was sold, else in whole steps, so that a card can pay what is left."""
    if net_minor == sold_minor:
        return tax_minor
    return min(tax_minor, round_to_step(tax_minor * net_minor, sold_minor, licence.currency))


def record_paid_out(command: RecordCreditPaidOut, licence: Licence) -> _Events:
    known(licence)
    check_ids(command.transfer_id)
    check_reference(command.reference)
    check_amount("amount_minor", command.amount_minor)
    if command.amount_minor > licence.owed_minor:
        raise AmountExceedsOpen(
            f"{written(licence.owed_minor, licence) if licence.last else 'Nothing'} is owed to the "
            "organisation by credit notes; record at most that."
        )
    check_date("paid_on", command.paid_on, licence.owed_since or command.effective_at, command.effective_at)
    paid = LicenceCreditPaidOut(
        licence_id=licence.licence_id,
        org_id=licence.org_id,
        transfer_id=command.transfer_id,
        amount_minor=command.amount_minor,
        currency=licence.currency,
        reference=command.reference,
        paid_on=command.paid_on,
    )
    return (paid,)


def write_off(command: WriteOffLicenceInvoice, licence: Licence) -> _Events:
    """What is open, all of it: as far as it is not earned it was never sold, the rest is lost."""
    check_reason(command.reason)
    if not invoice_of(licence, command.invoice_id).open_minor:
        raise LicenceInvoiceNotOpen("Nothing is open of this invoice.")
    at = instant(licence, command.effective_at)
    earned = recognised(licence, at)
    invoice = invoice_of(reduce(evolve, earned, licence), command.invoice_id)
    deferred = min(invoice.deferral.left_minor, invoice.open_net_minor)
    lost = LicenceWrittenOff(
        licence_id=licence.licence_id,
        org_id=licence.org_id,
        invoice_id=command.invoice_id,
        currency=licence.currency,
        deferred_minor=deferred,
        loss_minor=invoice.open_net_minor - deferred,
        tax_minor=invoice.open_tax_minor,
        at=at,
        reason=command.reason,
    )
    return (*earned, lost)
