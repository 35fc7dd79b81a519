"""Invoices of subscriptions with their lines, credit notes and disputes: tables about the same stream."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, timedelta
from typing import Any, ClassVar, TypeGuard, get_args

from psycopg import Cursor

from ledger.invoices.events import (
    CreditUndone,
    InvoiceCredited,
    InvoiceDisputeEvent,
    InvoiceEvent,
    InvoiceFinalized,
    InvoiceFundsAvailable,
    InvoicePaid,
    InvoicePartSettled,
    InvoiceRecognised,
    InvoiceSettled,
    InvoiceSettledWithoutCharge,
    ServiceEnded,
    UnusedTimeOvergiven,
)
from ledger.invoices.stream import id_of
from ledger.message import Event, Recorded
from projections.engine.buffers import Rows, RowsByOwner, TableBuffer
from projections.engine.numbering import Numbering
from projections.engine.projection import Projection
from projections.engine.tables import Table
from projections.invoices import credit_notes, invoice, parts
from projections.invoices import lines as invoice_lines
from projections.invoices.credit_notes import CREDIT_NOTES, CreditEvent
from projections.invoices.invoice import INVOICES, InvoiceRow
from projections.invoices.lines import INVOICE_LINES
from projections.invoices.parts import INVOICE_PARTS, PartEvent
from projections.payments import disputes
from projections.payments.disputes import DisputeRow

_DAY = timedelta(days=1)


INVOICE_DISPUTES = Table("invoice_disputes", DisputeRow, ("dispute_id",))

LineEvent = (
    InvoiceSettled
    | InvoiceSettledWithoutCharge
    | InvoiceRecognised
    | ServiceEnded
    | InvoiceCredited
    | CreditUndone
    | UnusedTimeOvergiven
)

_FACTS: frozenset[type[Event]] = frozenset(get_args(InvoiceEvent))
_CREDIT_EVENTS: frozenset[type[Event]] = frozenset(get_args(CreditEvent))
_DISPUTE_EVENTS: frozenset[type[Event]] = frozenset(get_args(InvoiceDisputeEvent))
_LINE_EVENTS: frozenset[type[Event]] = frozenset(get_args(LineEvent))


class Invoices(Projection):
    NAME: ClassVar[str] = "invoices"
    FACTS: ClassVar[frozenset[type[Event]] | None] = _FACTS

    def __init__(self) -> None:
        self._invoices = Rows(INVOICES)
        self._lines = RowsByOwner(INVOICE_LINES, "stripe_invoice_id")
        self._parts = Rows(INVOICE_PARTS)
        self._credits = Rows(CREDIT_NOTES)
        self._disputes = RowsByOwner(INVOICE_DISPUTES, "payment_id")
        self._receipts = Numbering(INVOICES, "receipt_number")
        self._credit_notes = Numbering(CREDIT_NOTES, "credit_note_number")

    @property
    def buffers(self) -> tuple[TableBuffer, ...]:
        return self._invoices, self._lines, self._parts, self._credits, self._disputes

    def load(self, cursor: Cursor[Any], batch: Sequence[Recorded]) -> None:
        """Of a stream that begins in this batch nothing is there yet."""
        ours = [recorded for recorded in batch if type(recorded.event) in _FACTS]
        if not ours:
            return
        begun = {_invoice_id(one) for one in ours if isinstance(one.event, InvoiceFinalized)}
        self._invoices.load(cursor, {_invoice_id(one) for one in ours} - begun)
        with_lines = {_invoice_id(one) for one in ours if type(one.event) in _LINE_EVENTS}
        self._lines.load_of(cursor, with_lines - begun)
        self._parts.load(cursor, {one.event.charge_id for one in ours if _is_part(one.event)})
        self._credits.load(cursor, {one.event.credit_id for one in ours if _is_credit(one.event)})
        disputed = {_invoice_id(one) for one in ours if _is_dispute(one.event)}
        self._disputes.load_of(cursor, disputed - begun)
        if any(isinstance(one.event, InvoicePaid) for one in ours):
            self._receipts.load(cursor)
        if any(isinstance(one.event, InvoiceCredited) for one in ours):
            self._credit_notes.load(cursor)

    def project(self, recorded: Recorded) -> None:
        event, invoice_id = recorded.event, _invoice_id(recorded)
        if isinstance(event, InvoiceFinalized):
            self._begin(recorded, event)
            return
        row = self._invoices.change(invoice_id)
        row.last_position = recorded.position
        if _is_credit(event):
            self._credit(row, recorded, event)
        elif _is_dispute(event):
            self._dispute(row, recorded, event)
        elif _is_part(event):
            parts.apply(self._parts, recorded, event, invoice_id)
        elif _is_about_lines(event):
            self._book(row, recorded, event)
        elif isinstance(event, InvoicePaid):
            invoice.pay(row, event)
            if row.receipt_number is None and row.total_minor > 0:
                row.receipt_number = self._receipts.next()
        else:
            invoice.advance(row, event)

    def _begin(self, recorded: Recorded, event: InvoiceFinalized) -> None:
        self._invoices.put(event.stripe_invoice_id, invoice.begin(recorded, event))
        for line in invoice_lines.begin(event, recorded.position):
            self._lines.put(line.line_id, line)

    def _credit(self, row: InvoiceRow, recorded: Recorded, event: CreditEvent) -> None:
        change = credit_notes.apply(self._credits, recorded, event, row, self._credit_notes)
        row.credited_minor += change.given_minor
        row.credit_pending_minor += change.under_way_minor
        if isinstance(event, InvoiceCredited | CreditUndone):
            self._book(row, recorded, event)

    def _book(self, row: InvoiceRow, recorded: Recorded, event: LineEvent) -> None:
        match event:
            case InvoiceSettled() | InvoiceSettledWithoutCharge():
                invoice.settle(row, recorded, event)
                invoice_lines.book(self._lines, event.lines)
            case InvoiceRecognised():
                row.recognised_until = max(event.day, row.recognised_until or event.day)
                invoice_lines.recognise(self._lines, event.amounts)
            case ServiceEnded():
                row.service_ended_at = event.at
                invoice_lines.recognise(self._lines, event.amounts)
            case InvoiceCredited():
                invoice_lines.credit(self._lines, event.lines)
            case UnusedTimeOvergiven():
                invoice_lines.sell_more(self._lines, event.lines)
            case CreditUndone():
                invoice_lines.sell_again(self._lines, event.lines)
        lines = self._lines.of(row.stripe_invoice_id)
        row.recognised_minor = sum(line.recognised_minor for line in lines)
        row.deferred_minor = sum(line.deferred_minor for line in lines)
        # Nothing is earned before it is in the books: the first close takes all that was earned till then.
        settled = row.settled_at.astimezone(UTC).date() if row.settled_at else None
        closed = row.recognised_until + _DAY if row.recognised_until else None
        row.open_day = invoice_lines.first_open_day(lines, settled, closed)

    def _dispute(self, row: InvoiceRow, recorded: Recorded, event: InvoiceDisputeEvent) -> None:
        all_of_them = disputes.apply(self._disputes, recorded, event)
        row.disputed_minor = disputes.withheld_minor(all_of_them)
        standing = disputes.standing(all_of_them)
        row.dispute = "" if standing == "succeeded" else standing


def _invoice_id(recorded: Recorded) -> str:
    return id_of(recorded.stream)


def _is_credit(event: Event) -> TypeGuard[CreditEvent]:
    """`isinstance` against a union takes many times as long."""
    return type(event) in _CREDIT_EVENTS


def _is_dispute(event: Event) -> TypeGuard[InvoiceDisputeEvent]:
    return type(event) in _DISPUTE_EVENTS


def _is_part(event: Event) -> TypeGuard[PartEvent]:
    """The funds of the charge that settled an invoice are its own row's."""
    return isinstance(event, InvoicePartSettled | InvoiceFundsAvailable) and bool(event.charge_id)


def _is_about_lines(event: Event) -> TypeGuard[LineEvent]:
    return type(event) in _LINE_EVENTS
