"""Credit notes as they are now; one event changes one row and tells what that means for its invoice."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Literal

from ledger.invoices.events import (
    CreditFailed,
    CreditRequested,
    CreditReversed,
    CreditSettled,
    CreditUndone,
    CreditUnknown,
    InvoiceCredited,
)
from ledger.invoices.state import CreditStatus
from ledger.message import Recorded
from projections.engine.buffers import Rows
from projections.engine.numbering import Numbering
from projections.engine.tables import Row, Table
from projections.invoices.invoice import InvoiceRow
from projections.money_back import MoneyBack, money_back


class CreditNoteRow(Row):
    DONE: ClassVar[str] = "credited"
    UNDER_WAY: ClassVar[frozenset[str]] = frozenset({"requested", "unknown"})

    credit_id: str
    """Ours, or Stripe's for one that was made in the dashboard."""
    stripe_invoice_id: str
    subscription_id: str
    user_id: str
    credit_note_number: int | None
    """The n-th credit note that stands has n; none before it does."""
    stripe_credit_note_id: str
    stripe_number: str
    status: CreditStatus
    amount_minor: int
    """With tax."""
    currency: str
    """Of the invoice; the three amounts below are in the currency of settlement."""
    deferred_minor: int
    recognised_minor: int
    tax_minor: int
    settlement_currency: str
    reason: str
    note: str
    failure_code: str
    outside: bool
    """Made in Stripe's dashboard, not through this service."""
    stripe_refund_id: str
    refund: Literal["", "settled", "reversed"]
    """`settled` when the money left Stripe's balance, `reversed` when it came back; else empty."""
    requested_at: datetime
    credited_at: datetime | None
    position: int
    last_position: int


CREDIT_NOTES = Table("credit_notes", CreditNoteRow, ("credit_id",))

CreditEvent = (
    CreditRequested
    | CreditFailed
    | CreditUnknown
    | InvoiceCredited
    | CreditSettled
    | CreditReversed
    | CreditUndone
)


def apply(
    rows: Rows[CreditNoteRow],
    recorded: Recorded,
    event: CreditEvent,
    invoice: InvoiceRow,
    numbering: Numbering,
) -> MoneyBack:
    """Change the credit's row. Answers by how much what is given back changed."""
    row = rows.find(event.credit_id)
    before = money_back(row)
    if isinstance(event, CreditRequested) or (row is None and isinstance(event, InvoiceCredited)):
        row = _begin(recorded, event, invoice)
        rows.put(event.credit_id, row)
    else:
        row = rows.change(event.credit_id)
    _advance(row, recorded, event, numbering)
    row.last_position = recorded.position
    return money_back(row).since(before)


def _begin(
    recorded: Recorded, event: CreditRequested | InvoiceCredited, invoice: InvoiceRow
) -> CreditNoteRow:
    return CreditNoteRow(
        credit_id=event.credit_id,
        stripe_invoice_id=invoice.stripe_invoice_id,
        subscription_id=invoice.subscription_id,
        user_id=invoice.user_id,
        credit_note_number=None,
        stripe_credit_note_id="",
        stripe_number="",
        status="requested",
        amount_minor=event.amount_minor,
        currency=invoice.currency,
        deferred_minor=0,
        recognised_minor=0,
        tax_minor=0,
        settlement_currency="",
        reason=event.reason,
        note=event.note if isinstance(event, CreditRequested) else "",
        failure_code="",
        outside=isinstance(event, InvoiceCredited),
        stripe_refund_id="",
        refund="",
        requested_at=recorded.metadata.effective_at,
        credited_at=None,
        position=recorded.position,
        last_position=recorded.position,
    )


def _advance(row: CreditNoteRow, recorded: Recorded, event: CreditEvent, numbering: Numbering) -> None:
    match event:
        case InvoiceCredited():
            _credit(row, recorded, event)
            if row.credit_note_number is None:
                row.credit_note_number = numbering.next()
        case CreditFailed(code=code):
            row.status = "failed"
            row.failure_code = code
        case CreditUnknown():
            row.status = "unknown"
        case CreditSettled(stripe_refund_id=stripe_refund_id):
            row.refund = "settled"
            row.stripe_refund_id = stripe_refund_id
        case CreditReversed(stripe_refund_id=stripe_refund_id):
            row.refund = "reversed"
            row.stripe_refund_id = stripe_refund_id
        case CreditUndone():
            _undo(row, event)
        case _:
            pass


def _undo(row: CreditNoteRow, event: CreditUndone) -> None:
    """What was written stays readable in one that is undone as a whole; else the rest of it stands."""
    if event.amount_minor >= row.amount_minor:
        row.status = "reversed"
        return
    row.amount_minor -= event.amount_minor
    row.deferred_minor -= event.deferred_minor
    row.recognised_minor -= event.recognised_minor
    row.tax_minor -= event.tax_minor


def _credit(row: CreditNoteRow, recorded: Recorded, event: InvoiceCredited) -> None:
    row.status = "credited"
    row.failure_code = ""
    row.amount_minor = event.amount_minor
    row.stripe_credit_note_id = event.stripe_credit_note_id
    row.stripe_number = event.number
    row.deferred_minor = event.deferred_minor
    row.recognised_minor = event.recognised_minor
    row.tax_minor = event.tax_minor
    row.settlement_currency = event.currency
    row.reason = event.reason or row.reason
    row.stripe_refund_id = event.stripe_refund_id
    row.credited_at = recorded.metadata.effective_at
