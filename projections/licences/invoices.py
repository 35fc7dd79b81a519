"""The row of a licence's invoice, and what each fact makes of it."""

from __future__ import annotations

from datetime import UTC

from ledger.licences.events import (
    LicenceCredited,
    LicenceInvoiced,
    LicenceInvoicePaid,
    LicenceInvoiceReopened,
    LicenceWrittenOff,
)
from ledger.message import Recorded
from projections.licences.tables import LicenceInvoiceRow

InvoiceEvent = LicenceInvoicePaid | LicenceInvoiceReopened | LicenceCredited | LicenceWrittenOff


def begin(recorded: Recorded, event: LicenceInvoiced) -> LicenceInvoiceRow:
    return LicenceInvoiceRow(
        invoice_id=event.invoice_id,
        licence_id=event.licence_id,
        org_id=event.org_id,
        number=event.number,
        kind=event.kind,
        term=event.term,
        currency=event.currency,
        net_minor=event.net_minor,
        tax_minor=event.tax_minor,
        paid_minor=0,
        credited_minor=0,
        written_off_minor=0,
        open_minor=event.net_minor + event.tax_minor,
        deferred_minor=event.net_minor,
        period_start=event.period_start,
        period_end=event.period_end,
        earns_from=max(event.issued_at, event.period_start).astimezone(UTC).date(),
        issued_at=event.issued_at,
        due_at=event.due_at,
        position=recorded.position,
        last_position=recorded.position,
    )


def apply(row: LicenceInvoiceRow, event: InvoiceEvent) -> None:
    match event:
        case LicenceInvoicePaid():
            back = event.loss_minor + event.tax_minor + event.deferred_minor
            row.paid_minor += event.amount_minor
            row.open_minor -= event.amount_minor - back
            row.written_off_minor -= back
            row.deferred_minor += event.deferred_minor
        case LicenceInvoiceReopened(amount_minor=amount):
            row.paid_minor -= amount
            row.open_minor += amount
        case LicenceCredited():
            row.credited_minor += event.deferred_minor + event.recognised_minor + event.tax_minor
            row.open_minor -= event.receivable_minor
            row.deferred_minor -= event.deferred_minor
        case LicenceWrittenOff():
            row.written_off_minor += event.deferred_minor + event.loss_minor + event.tax_minor
            row.open_minor = 0
            row.deferred_minor -= event.deferred_minor
