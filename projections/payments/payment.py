"""The row of a payment, and what each fact makes of it."""

from __future__ import annotations

from datetime import datetime

from ledger.message import Event, Recorded
from ledger.payments.events import (
    PaymentActionRequired,
    PaymentCanceled,
    PaymentFailed,
    PaymentFundsAvailable,
    PaymentInitiated,
    PaymentOutcomeUnknown,
    PaymentPageOpened,
    PaymentProcessing,
    PaymentSettled,
    PaymentSucceeded,
)
from ledger.payments.state import PaymentStatus
from projections.engine.tables import Row, Table


class PaymentRow(Row):
    payment_id: str
    user_id: str
    amount_minor: int
    currency: str
    captured_minor: int
    refunded_minor: int
    refund_pending_minor: int
    disputed_minor: int
    status: PaymentStatus
    purpose: str
    purpose_ref: str
    description: str
    payment_method_id: str
    payment_intent_id: str
    charge_id: str
    failure_code: str
    decline_code: str
    action: str
    fee_minor: int | None
    net_minor: int | None
    settlement_currency: str
    balance_transaction_id: str
    available_at: datetime | None
    funds_available: bool
    initiated_at: datetime
    captured_at: datetime | None
    position: int
    last_position: int
    session_id: str
    page_ends_at: datetime | None
    """Of a page of Stripe's on which it is paid; null where the card is known."""


ON_PAGE = "redirect_to_url"
"""What a payment on a page waits for, as Stripe calls it where a bank's page is meant."""
PAYMENTS = Table("payments", PaymentRow, ("payment_id",))


def begin(recorded: Recorded, event: PaymentInitiated) -> PaymentRow:
    return PaymentRow(
        payment_id=event.payment_id,
        user_id=event.user_id,
        amount_minor=event.amount_minor,
        currency=event.currency,
        captured_minor=0,
        refunded_minor=0,
        refund_pending_minor=0,
        disputed_minor=0,
        status="initiated",
        purpose=event.purpose,
        purpose_ref=event.purpose_ref,
        description=event.description,
        payment_method_id=event.payment_method_id,
        payment_intent_id="",
        charge_id="",
        failure_code="",
        decline_code="",
        action="",
        fee_minor=None,
        net_minor=None,
        settlement_currency="",
        balance_transaction_id="",
        available_at=None,
        funds_available=False,
        initiated_at=recorded.metadata.effective_at,
        captured_at=None,
        position=recorded.position,
        last_position=recorded.position,
        session_id="",
        page_ends_at=event.page.expires_at if event.page else None,
    )


def advance(row: PaymentRow, event: Event) -> None:
    match event:
        case PaymentSettled(balance_transaction=entry) if not row.balance_transaction_id:
            row.fee_minor = entry.fee_minor
            row.net_minor = entry.net_minor
            row.settlement_currency = entry.currency
            row.balance_transaction_id = entry.balance_transaction_id
            row.available_at = entry.available_at
        case PaymentFundsAvailable():
            row.funds_available = True
        case PaymentProcessing(payment_intent_id=payment_intent_id):
            row.status = "processing"
            row.payment_intent_id = payment_intent_id
        case PaymentActionRequired(payment_intent_id=payment_intent_id, action=action):
            row.status = "requires_action"
            row.payment_intent_id = payment_intent_id
            row.action = action
        case PaymentPageOpened(session_id=session_id):
            row.status = "requires_action"
            row.session_id = session_id
            row.action = ON_PAGE
        case PaymentFailed():
            row.status = "failed"
            row.failure_code = event.code
            row.decline_code = event.decline_code
            row.payment_intent_id = event.payment_intent_id or row.payment_intent_id
        case PaymentCanceled(payment_intent_id=payment_intent_id):
            row.status = "canceled"
            row.payment_intent_id = payment_intent_id
        case PaymentOutcomeUnknown():
            row.status = "unknown"
        case _:
            pass


def capture(row: PaymentRow, recorded: Recorded, event: PaymentSucceeded) -> None:
    """All but the status, which is that of its disputes: one may have been heard of before."""
    row.payment_intent_id = event.payment_intent_id
    row.charge_id = event.charge_id
    row.captured_minor = event.amount_minor
    row.currency = event.currency
    row.captured_at = event.captured_at or recorded.metadata.effective_at
    # What went wrong before is over.
    row.failure_code = row.decline_code = row.action = ""
