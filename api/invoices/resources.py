"""What the API shows of invoices: the projection's rows, and the attempts to pay by the facts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from functools import reduce
from typing import Any, Literal, cast

import msgspec

from api.payments.authentication import Authentication, of_invoice, wants_cardholder
from api.payments.resources import (
    Dispute,
    Failure,
    PaymentFact,
    Settlement,
    dispute_of,
    failure,
    settlement_of,
)
from ledger.invoices import state
from ledger.invoices.events import InvoiceEvent, InvoicePaid, InvoicePaymentFailed
from ledger.invoices.state import CreditStatus, InvoiceStatus, evolve
from ledger.message import Recorded
from projections.invoices.credit_notes import CreditNoteRow
from projections.invoices.invoice import InvoiceRow
from projections.invoices.lines import InvoiceLineRow
from projections.payments.disputes import DisputeRow


class Invoice(msgspec.Struct, frozen=True, kw_only=True):
    """Amounts in minor units of `currency`, totals with tax. `number` is Stripe's; `receipt_number` is ours,
    without a gap, from when it is paid.
    """

    invoice_id: str
    subscription_id: str
    user_id: str
    number: str
    receipt_number: int | None
    status: InvoiceStatus
    billing_reason: str
    currency: str
    total_minor: int
    tax_minor: int
    charged_minor: int
    """By card; the rest of a paid invoice came out of the customer's credit, but for `off_stripe_minor`."""
    off_stripe_minor: int
    """Said to be paid elsewhere, as by bank transfer or in cash."""
    credited_minor: int
    credit_pending_minor: int
    disputed_minor: int
    period_start: datetime
    period_end: datetime
    attempts: int
    """That failed."""
    failure: Failure | None
    """Of the last attempt, while the invoice is not paid."""
    action_required: bool
    """The cardholder must confirm the payment with their bank."""
    next_retry_at: datetime | None
    finalized_at: datetime
    paid_at: datetime | None
    position: int


class InvoiceLine(msgspec.Struct, frozen=True, kw_only=True):
    """`amount_minor` without tax; below zero for time that was paid and is not used."""

    line_id: str
    description: str
    amount_minor: int
    tax_minor: int
    period_start: datetime
    period_end: datetime
    proration: bool


class InvoicePayment(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt to charge the card. `amount_minor` is 0 when nothing was charged: all came out of the
    customer's credit, or was paid elsewhere.
    """

    status: Literal["failed", "succeeded"]
    at: datetime
    amount_minor: int | None
    failure: Failure | None
    retry_at: datetime | None
    """Our next attempt after a failed one; null when only another card helps, or it was the last."""


class CreditNote(msgspec.Struct, frozen=True, kw_only=True):
    """`credit_note_number` is ours, without a gap, from when it stands. `outside`: made in Stripe's
    dashboard, so its id is Stripe's. `refund` says what became of the money: `settled` when it left,
    `reversed` when the bank sent it back. So is `status` then, and the amount can be given again.
    """

    credit_id: str
    invoice_id: str
    credit_note_number: int | None
    number: str
    status: CreditStatus
    amount_minor: int
    currency: str
    reason: str
    note: str
    failure_code: str
    refund: Literal["", "settled", "reversed"]
    outside: bool
    requested_at: datetime
    credited_at: datetime | None


class Revenue(msgspec.Struct, frozen=True, kw_only=True):
    """Of this invoice, in the currency of settlement. Only admins see it."""

    currency: str
    recognised_minor: int
    deferred_minor: int
    receivable_minor: int
    """What was paid elsewhere and finance has not found yet."""
    recognised_until: date | None


class InvoiceDetail(Invoice, frozen=True, kw_only=True):
    """An invoice with all that happened to it, oldest first."""

    authentication: Authentication | None
    """What the bank wants to hear its cardholder about, while the invoice is not paid."""
    lines: list[InvoiceLine]
    payments: list[InvoicePayment]
    credit_notes: list[CreditNote]
    disputes: list[Dispute]
    history: list[PaymentFact]
    settlement: Settlement | None
    revenue: Revenue | None
    taken_minor: int
    """What changes of plan took off for time that was paid with it: that is given back by them."""
    creditable_minor: int
    """What can still be given back."""


class InvoiceStory(msgspec.Struct, frozen=True):
    """One invoice's rows, of one moment."""

    invoice: InvoiceRow
    lines: Sequence[InvoiceLineRow]
    credits: Sequence[CreditNoteRow]
    disputes: Sequence[DisputeRow]


def invoice_of(row: InvoiceRow, *, to_admin: bool) -> Invoice:
    return Invoice(**_fields(row, to_admin=to_admin))


def _fields(row: InvoiceRow, *, to_admin: bool) -> dict[str, Any]:
    failed = row.failure_code and row.status != "paid"
    return {
        "invoice_id": row.stripe_invoice_id,
        "subscription_id": row.subscription_id,
        "user_id": row.user_id,
        "number": row.number,
        "receipt_number": row.receipt_number,
        "status": row.status,
        "billing_reason": row.billing_reason,
        "currency": row.currency,
        "total_minor": row.total_minor,
        "tax_minor": row.tax_minor,
        "charged_minor": row.charged_minor,
        "off_stripe_minor": row.off_stripe_minor,
        "credited_minor": row.credited_minor,
        "credit_pending_minor": row.credit_pending_minor,
        "disputed_minor": row.disputed_minor,
        "period_start": row.period_start,
        "period_end": row.period_end,
        "attempts": row.attempts,
        "failure": failure(row.failure_code, row.decline_code, to_admin=to_admin) if failed else None,
        "action_required": row.action_required,
        "next_retry_at": row.next_retry_at,
        "finalized_at": row.finalized_at,
        "paid_at": row.paid_at,
        "position": row.position,
    }


def invoice_detail_of(story: InvoiceStory, facts: Sequence[Recorded], *, to_admin: bool) -> InvoiceDetail:
    """`facts` of its stream; those that the rows have not seen are left out."""
    row = story.invoice
    seen = [fact for fact in facts if fact.position <= row.last_position]
    payments = [_payment(fact, to_admin=to_admin) for fact in seen]
    known = reduce(evolve, [cast("InvoiceEvent", fact.event) for fact in seen], state.Invoice())
    return InvoiceDetail(
        **_fields(row, to_admin=to_admin),
        authentication=_authentication(row),
        lines=[_line(each) for each in sorted(story.lines, key=lambda line: line.line_number)],
        payments=[each for each in payments if each is not None],
        credit_notes=[credit_note_of(each) for each in story.credits],
        disputes=[dispute_of(each) for each in story.disputes],
        history=[_fact(fact) for fact in seen],
        settlement=settlement_of(row) if to_admin and row.balance_transaction_id else None,
        revenue=_revenue(row) if to_admin and row.settled_at else None,
        taken_minor=known.taken_minor,
        creditable_minor=known.creditable_minor if known.settled else 0,
    )


def _authentication(row: InvoiceRow) -> Authentication | None:
    asked = row.action_required or wants_cardholder(row.failure_code, row.decline_code)
    if row.status != "open" or not asked:
        return None
    first = row.billing_reason == "subscription_create"
    return of_invoice(row.stripe_invoice_id, first=first, since=row.finalized_at)


def _line(row: InvoiceLineRow) -> InvoiceLine:
    return InvoiceLine(
        line_id=row.line_id,
        description=row.description,
        amount_minor=row.amount_minor,
        tax_minor=row.tax_minor,
        period_start=row.period_start,
        period_end=row.period_end,
        proration=row.proration,
    )


def _payment(fact: Recorded, *, to_admin: bool) -> InvoicePayment | None:
    match fact.event:
        case InvoicePaymentFailed() as event:
            return InvoicePayment(
                status="failed",
                at=event.failed_at,
                amount_minor=None,
                failure=failure(event.code, event.decline_code, to_admin=to_admin),
                retry_at=event.retry_at,
            )
        case InvoicePaid() as event:
            return InvoicePayment(
                status="succeeded",
                at=event.paid_at,
                amount_minor=event.charged_minor,
                failure=None,
                retry_at=None,
            )
        case _:
            return None


def _fact(fact: Recorded) -> PaymentFact:
    return PaymentFact(
        type=fact.event.TYPE,
        position=fact.position,
        effective_at=fact.metadata.effective_at,
        recorded_at=fact.recorded_at,
    )


def credit_note_of(row: CreditNoteRow) -> CreditNote:
    return CreditNote(
        credit_id=row.credit_id,
        invoice_id=row.stripe_invoice_id,
        credit_note_number=row.credit_note_number,
        number=row.stripe_number,
        status=row.status,
        amount_minor=row.amount_minor,
        currency=row.currency,
        reason=row.reason,
        note=row.note,
        failure_code=row.failure_code,
        refund=row.refund,
        outside=row.outside,
        requested_at=row.requested_at,
        credited_at=row.credited_at,
    )


def _revenue(row: InvoiceRow) -> Revenue:
    return Revenue(
        currency=row.settlement_currency,
        recognised_minor=row.recognised_minor,
        deferred_minor=row.deferred_minor,
        receivable_minor=row.receivable_minor,
        recognised_until=row.recognised_until,
    )
