"""Invoices of subscriptions with their lines, credit notes and disputes: tables about the same stream."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, ClassVar, TypeGuard, get_args

from psycopg import Cursor

from ledger.invoices.events import (
    InvoiceActionRequired,
    InvoiceCredited,
    InvoiceDisputeEvent,
    InvoiceEvent,
    InvoiceFinalized,
    InvoiceFundsAvailable,
    InvoicePaid,
    InvoicePaymentFailed,
    InvoiceRecognised,
    InvoiceRetryFailed,
    InvoiceRetryRequested,
    InvoiceRetryUnknown,
    InvoiceSettled,
    InvoiceSettledWithoutCharge,
    InvoiceUncollectible,
    InvoiceVoided,
    ServiceEnded,
)
from ledger.invoices.state import InvoiceStatus
from ledger.invoices.stream import id_of
from ledger.message import Event, Recorded
from projections.engine.numbers import Numbering
from projections.engine.projection import Fold
from projections.engine.tables import Row, Rows, Sheet, Table
from projections.invoices import credit_notes
from projections.invoices import lines as invoice_lines
from projections.invoices.credit_notes import CREDIT_NOTES, CreditEvent
from projections.invoices.lines import INVOICE_LINES, InvoiceLineRow
from projections.payments import disputes
from projections.payments.disputes import DisputeRow

_DAY = timedelta(days=1)
_OWED = frozenset({"open", "uncollectible"})


class InvoiceRow(Row):
    stripe_invoice_id: str
    subscription_id: str
    user_id: str
    number: str
    """Stripe's, of the invoice."""
    receipt_number: int | None
    """Ours: the n-th invoice above zero that was paid has n, over all years; none before it is paid."""
    status: InvoiceStatus
    billing_reason: str
    currency: str
    total_minor: int
    """With tax."""
    tax_minor: int
    charged_minor: int
    """By card; the rest of a paid invoice came out of the customer's credit."""
    credited_minor: int
    credit_pending_minor: int
    disputed_minor: int
    dispute: str
    """`disputed` or `charged_back`; else empty."""
    period_start: datetime
    period_end: datetime
    attempts: int
    """Failed ones."""
    failed_at: datetime | None
    """The last of them; the three below are about it, too."""
    failure_code: str
    decline_code: str
    hard_decline: bool
    action_required: bool
    retry: str
    """Of an attempt that is not answered: `requested` or `unknown`; else empty."""
    next_retry_at: datetime | None
    payment_intent_id: str
    charge_id: str
    finalized_at: datetime
    paid_at: datetime | None
    settled_at: datetime | None
    """When it came into the books; what is below is in the currency of settlement."""
    fee_minor: int | None
    net_minor: int | None
    settlement_currency: str
    balance_transaction_id: str
    available_at: datetime | None
    funds_available: bool
    recognised_minor: int
    """Earned, less what was given back of that."""
    deferred_minor: int
    """This invoice's part of account 2000."""
    recognised_until: date | None
    """The last day that was closed."""
    open_day: date | None
    """The next day to close; None when nothing is deferred."""
    service_ended_at: datetime | None
    position: int
    last_position: int


INVOICES = Table("invoices", InvoiceRow, ("stripe_invoice_id",))
INVOICE_DISPUTES = Table("invoice_disputes", DisputeRow, ("dispute_id",))

LineEvent = InvoiceSettled | InvoiceSettledWithoutCharge | InvoiceRecognised | ServiceEnded | InvoiceCredited

_FACTS: frozenset[type[Event]] = frozenset(get_args(InvoiceEvent))
_CREDIT_EVENTS: frozenset[type[Event]] = frozenset(get_args(CreditEvent))
_DISPUTE_EVENTS: frozenset[type[Event]] = frozenset(get_args(InvoiceDisputeEvent))
_LINE_EVENTS: frozenset[type[Event]] = frozenset(get_args(LineEvent))


class Invoices(Fold):
    NAME: ClassVar[str] = "invoices"
    FACTS: ClassVar[frozenset[type[Event]] | None] = _FACTS

    def __init__(self) -> None:
        self._invoices = Rows(INVOICES)
        self._lines = Rows(INVOICE_LINES)
        self._credits = Rows(CREDIT_NOTES)
        self._disputes = Rows(INVOICE_DISPUTES)
        self._lines_of: defaultdict[str, list[InvoiceLineRow]] = defaultdict(list)
        self._disputes_of: defaultdict[str, set[str]] = defaultdict(set)
        self._receipts = Numbering(INVOICES, "receipt_number")
        self._credit_notes = Numbering(CREDIT_NOTES, "credit_note_number")

    @property
    def sheets(self) -> tuple[Sheet, ...]:
        return self._invoices, self._lines, self._credits, self._disputes

    def load(self, cursor: Cursor[Any], batch: Sequence[Recorded]) -> None:
        """Of a stream that begins in this batch nothing is there yet."""
        ours = [recorded for recorded in batch if type(recorded.event) in _FACTS]
        if not ours:
            return
        begun = {_invoice_id(one) for one in ours if isinstance(one.event, InvoiceFinalized)}
        self._invoices.load(cursor, {_invoice_id(one) for one in ours} - begun)
        with_lines = {_invoice_id(one) for one in ours if type(one.event) in _LINE_EVENTS}
        for line in self._lines.load(cursor, with_lines - begun, by="stripe_invoice_id"):
            self._lines_of[line.stripe_invoice_id].append(line)
        self._credits.load(cursor, {one.event.credit_id for one in ours if _is_credit(one.event)})
        disputed = {_invoice_id(one) for one in ours if _is_dispute(one.event)}
        for row in self._disputes.load(cursor, disputed - begun, by="payment_id"):
            self._disputes_of[row.payment_id].add(row.dispute_id)
        if any(isinstance(one.event, InvoicePaid) for one in ours):
            self._receipts.load(cursor)
        if any(isinstance(one.event, InvoiceCredited) for one in ours):
            self._credit_notes.load(cursor)

    def take(self, recorded: Recorded) -> None:
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
        elif _is_about_lines(event):
            self._book(row, recorded, event)
        elif isinstance(event, InvoicePaid):
            _pay(row, event)
            if row.receipt_number is None and row.total_minor > 0:
                row.receipt_number = self._receipts.next()
        else:
            _advance(row, event)

    def _begin(self, recorded: Recorded, event: InvoiceFinalized) -> None:
        self._invoices.put(event.stripe_invoice_id, _begin(recorded, event))
        for line in invoice_lines.begin(event, recorded.position):
            self._lines.put(line.line_id, line)
            self._lines_of[event.stripe_invoice_id].append(line)

    def _credit(self, row: InvoiceRow, recorded: Recorded, event: CreditEvent) -> None:
        credited, under_way = credit_notes.apply(self._credits, recorded, event, row, self._credit_notes)
        row.credited_minor += credited
        row.credit_pending_minor += under_way
        if isinstance(event, InvoiceCredited):
            self._book(row, recorded, event)

    def _book(self, row: InvoiceRow, recorded: Recorded, event: LineEvent) -> None:
        match event:
            case InvoiceSettled() | InvoiceSettledWithoutCharge():
                _settle(row, recorded, event)
                invoice_lines.book(self._lines, event.lines)
            case InvoiceRecognised():
                row.recognised_until = max(event.day, row.recognised_until or event.day)
                invoice_lines.recognise(self._lines, event.amounts)
            case ServiceEnded():
                row.service_ended_at = event.at
                invoice_lines.recognise(self._lines, event.amounts)
            case InvoiceCredited():
                invoice_lines.credit(self._lines, event.lines)
        lines = self._lines_of[row.stripe_invoice_id]
        row.recognised_minor = sum(line.recognised_minor for line in lines)
        row.deferred_minor = sum(line.deferred_minor for line in lines)
        # Nothing is earned before it is in the books: the first close takes all that was earned till then.
        settled = row.settled_at.astimezone(UTC).date() if row.settled_at else None
        closed = row.recognised_until + _DAY if row.recognised_until else None
        row.open_day = invoice_lines.first_open_day(lines, settled, closed)

    def _dispute(self, row: InvoiceRow, recorded: Recorded, event: InvoiceDisputeEvent) -> None:
        ids = self._disputes_of[row.stripe_invoice_id]
        ids.add(disputes.apply(self._disputes, recorded, event).dispute_id)
        all_of_them = [one for one in map(self._disputes.find, ids) if one is not None]
        row.disputed_minor = sum(one.withheld_minor for one in all_of_them)
        standing = disputes.standing(all_of_them)
        row.dispute = "" if standing == "succeeded" else standing


def _invoice_id(recorded: Recorded) -> str:
    return id_of(recorded.stream)


def _is_credit(event: Event) -> TypeGuard[CreditEvent]:
    """`isinstance` against a union takes many times as long."""
    return type(event) in _CREDIT_EVENTS


def _is_dispute(event: Event) -> TypeGuard[InvoiceDisputeEvent]:
    return type(event) in _DISPUTE_EVENTS


def _is_about_lines(event: Event) -> TypeGuard[LineEvent]:
    return type(event) in _LINE_EVENTS


def _begin(recorded: Recorded, event: InvoiceFinalized) -> InvoiceRow:
    return InvoiceRow(
        stripe_invoice_id=event.stripe_invoice_id,
        subscription_id=event.subscription_id,
        user_id=event.user_id,
        number=event.number,
        receipt_number=None,
        status="open",
        billing_reason=event.billing_reason,
        currency=event.currency,
        total_minor=event.total_minor,
        tax_minor=event.tax_minor,
        charged_minor=0,
        credited_minor=0,
        credit_pending_minor=0,
        disputed_minor=0,
        dispute="",
        period_start=event.period_start,
        period_end=event.period_end,
        attempts=0,
        failed_at=None,
        failure_code="",
        decline_code="",
        hard_decline=False,
        action_required=False,
        retry="",
        next_retry_at=None,
        payment_intent_id="",
        charge_id="",
        finalized_at=event.finalized_at,
        paid_at=None,
        settled_at=None,
        fee_minor=None,
        net_minor=None,
        settlement_currency="",
        balance_transaction_id="",
        available_at=None,
        funds_available=False,
        recognised_minor=0,
        deferred_minor=0,
        recognised_until=None,
        open_day=None,
        service_ended_at=None,
        position=recorded.position,
        last_position=recorded.position,
    )


def _advance(row: InvoiceRow, event: Event) -> None:
    match event:
        case InvoicePaymentFailed():
            _fail(row, event)
        case InvoiceActionRequired(payment_intent_id=payment_intent_id):
            row.action_required = True
            row.payment_intent_id = payment_intent_id or row.payment_intent_id
            row.retry = ""
        case InvoiceRetryRequested():
            row.retry = "requested"
            row.next_retry_at = None
        case InvoiceRetryUnknown():
            row.retry = "unknown"
        case InvoiceRetryFailed(code=code, retry_at=retry_at):
            row.retry = ""
            row.failure_code, row.decline_code = code, ""
            row.next_retry_at = retry_at if row.status == "open" else None
        case InvoiceVoided():
            _close(row, "void")
        case InvoiceUncollectible():
            row.status = "uncollectible"
            row.next_retry_at = None
        case InvoiceFundsAvailable():
            row.funds_available = True
        case _:
            pass


def _fail(row: InvoiceRow, event: InvoicePaymentFailed) -> None:
    """An attempt that we hear of late does not bring back its own next date."""
    row.attempts = max(row.attempts, event.attempt)
    row.action_required = False
    row.retry = ""
    if row.status in _OWED and (row.failed_at is None or event.failed_at >= row.failed_at):
        row.failed_at = event.failed_at
        row.failure_code, row.decline_code = event.code, event.decline_code
        row.hard_decline = event.hard
        row.next_retry_at = event.retry_at if row.status == "open" else None


def _close(row: InvoiceRow, status: InvoiceStatus) -> None:
    row.status = status
    row.next_retry_at = None
    row.retry = ""
    row.action_required = False


def _pay(row: InvoiceRow, event: InvoicePaid) -> None:
    _close(row, "paid")
    row.charged_minor = event.charged_minor
    row.payment_intent_id = event.payment_intent_id or row.payment_intent_id
    row.charge_id = event.charge_id
    row.paid_at = event.paid_at
    # What went wrong before is over.
    row.failure_code = row.decline_code = ""
    row.hard_decline = False


def _settle(row: InvoiceRow, recorded: Recorded, event: InvoiceSettled | InvoiceSettledWithoutCharge) -> None:
    row.settled_at = recorded.metadata.effective_at
    if isinstance(event, InvoiceSettledWithoutCharge):
        row.settlement_currency = event.currency
        return
    entry = event.balance_transaction
    row.fee_minor = entry.fee_minor
    row.net_minor = entry.net_minor
    row.settlement_currency = entry.currency
    row.balance_transaction_id = entry.balance_transaction_id
    row.available_at = entry.available_at
