"""The row of an invoice, and what each fact makes of it."""

from __future__ import annotations

from datetime import date, datetime

from ledger.invoices.events import (
    CollectionEnded,
    InvoiceActionRequired,
    InvoiceFinalized,
    InvoiceFundsAvailable,
    InvoicePaid,
    InvoicePaymentFailed,
    InvoiceRetryFailed,
    InvoiceRetryRequested,
    InvoiceRetryUnknown,
    InvoiceSettled,
    InvoiceSettledWithoutCharge,
    InvoiceUncollectible,
    InvoiceVoided,
    OffStripePaymentRecorded,
)
from ledger.invoices.state import InvoiceStatus
from ledger.message import Event, Recorded
from projections.engine.tables import Row, Table

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
    """By card; the rest of a paid invoice came out of the customer's credit, but for `off_stripe_minor`."""
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
    off_stripe_minor: int
    """Said to be paid elsewhere."""
    receivable_minor: int
    """What finance has not found of that yet, in the currency of settlement."""


INVOICES = Table("invoices", InvoiceRow, ("stripe_invoice_id",))


def begin(recorded: Recorded, event: InvoiceFinalized) -> InvoiceRow:
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
        off_stripe_minor=0,
        receivable_minor=0,
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


def advance(row: InvoiceRow, event: Event) -> None:  # noqa: C901 - one case for each kind of fact
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
        case CollectionEnded():
            row.action_required = False
            row.next_retry_at = None
        case InvoiceVoided():
            _close(row, "void")
        case InvoiceUncollectible():
            row.status = "uncollectible"
            row.next_retry_at = None
        case InvoiceFundsAvailable():
            row.funds_available = True
        case OffStripePaymentRecorded(amount_minor=found_minor):
            row.receivable_minor -= found_minor
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


def pay(row: InvoiceRow, event: InvoicePaid) -> None:
    _close(row, "paid")
    row.charged_minor = event.charged_minor
    row.off_stripe_minor = event.off_stripe_minor
    row.payment_intent_id = event.payment_intent_id or row.payment_intent_id
    row.charge_id = event.charge_id
    row.paid_at = event.paid_at
    # What went wrong before is over.
    row.failure_code = row.decline_code = ""
    row.hard_decline = False


def settle(row: InvoiceRow, recorded: Recorded, event: InvoiceSettled | InvoiceSettledWithoutCharge) -> None:
    row.settled_at = recorded.metadata.effective_at
    row.receivable_minor = event.off_stripe_minor
    if isinstance(event, InvoiceSettledWithoutCharge):
        row.settlement_currency = event.currency
        return
    entry = event.balance_transaction
    row.fee_minor = entry.fee_minor
    row.net_minor = entry.net_minor
    row.settlement_currency = entry.currency
    row.balance_transaction_id = entry.balance_transaction_id
    row.available_at = entry.available_at
