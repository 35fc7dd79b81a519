"""What the API shows of payments. The rows come from the projection, or from its own code over one stream."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal, TypeVar, cast

import msgspec

from api.payments import declines
from api.payments.declines import Remedy
from ledger.enrolments.stream import KIND as ENROLMENT
from ledger.enrolments.stream import parts_of
from ledger.message import Recorded
from ledger.payments.refunds import RefundStatus
from ledger.payments.state import PaymentStatus
from ledger.payments.stream import id_of
from projections.engine.buffers import Rows
from projections.engine.tables import Row
from projections.invoices.invoice import InvoiceRow
from projections.payments.disputes import DisputeRow
from projections.payments.payment import PaymentRow
from projections.payments.projection import Payments
from projections.payments.refunds import RefundRow

R = TypeVar("R", bound=Row)


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """Why a payment failed, and what the cardholder can do about it."""

    code: str
    decline_code: str
    """The issuer's reason; `generic_decline` where the true one must not be told to a cardholder."""
    detail: str
    remedy: Remedy
    retry_same_card: bool


class NextAction(msgspec.Struct, frozen=True, kw_only=True):
    """What the cardholder must do. The secret is for their browser alone: it is fetched from Stripe for
    this answer and stored nowhere.
    """

    type: str
    client_secret: str = ""
    redirect_url: str = ""


class Payment(msgspec.Struct, frozen=True, kw_only=True):
    """Amounts in minor units of `currency`. `position` is that of its first fact."""

    payment_id: str
    user_id: str
    status: PaymentStatus
    refund_status: Literal["none", "partial", "full"]
    amount_minor: int
    captured_minor: int
    refunded_minor: int
    refund_pending_minor: int
    disputed_minor: int
    currency: str
    purpose: str
    purpose_ref: str
    course_id: str
    """Of a course's; else empty."""
    description: str
    payment_method: str
    initiated_at: datetime
    captured_at: datetime | None
    failure: Failure | None
    next_action: NextAction | None
    position: int


class Refund(msgspec.Struct, frozen=True, kw_only=True):
    """`outside`: made in Stripe's dashboard, so its id is Stripe's."""

    refund_id: str
    payment_id: str
    status: RefundStatus
    amount_minor: int
    currency: str
    reason: str
    note: str
    failure_reason: str
    outside: bool
    requested_at: datetime
    position: int
    url: str
    """Tells how far it has come with all that it takes back."""


class Dispute(msgspec.Struct, frozen=True, kw_only=True):
    dispute_id: str
    status: str
    """`needs_response`, `under_review`, `won`, `lost`, or one of these with `warning_` before it."""
    amount_minor: int
    currency: str
    reason: str
    opened_at: datetime
    evidence_due_at: datetime | None


class PaymentFact(msgspec.Struct, frozen=True, kw_only=True):
    """One fact of the payment's history."""

    type: str
    position: int
    effective_at: datetime
    recorded_at: datetime


class Settlement(msgspec.Struct, frozen=True, kw_only=True):
    """What Stripe's balance transaction says, in the currency of settlement. Only admins see it."""

    balance_transaction: str
    fee_minor: int | None
    net_minor: int | None
    currency: str
    available_at: datetime | None
    available: bool


class PaymentDetail(Payment, frozen=True, kw_only=True):
    """A payment with all that happened to it, oldest first."""

    refunds: list[Refund]
    disputes: list[Dispute]
    history: list[PaymentFact]
    settlement: Settlement | None


class Story(msgspec.Struct, frozen=True):
    """One payment's rows, as the projection has them or will have them."""

    payment: PaymentRow
    refunds: Sequence[RefundRow]
    disputes: Sequence[DisputeRow]


def fold(facts: Sequence[Recorded]) -> Story:
    """The rows that the projection makes of one payment's facts, without waiting for it: its own code folds
    them, so a write answers as a later read does.
    """
    projection = Payments()
    projection.project_batch(facts)
    payments, refunds, disputes = cast(
        "tuple[Rows[PaymentRow], Rows[RefundRow], Rows[DisputeRow]]", projection.buffers
    )
    payment = payments.find(id_of(facts[0].stream))
    assert payment is not None, "a payment's first fact makes its row"
    return Story(
        payment, refunds=_found(refunds, facts, "refund_id"), disputes=_found(disputes, facts, "dispute_id")
    )


def _found(rows: Rows[R], facts: Sequence[Recorded], id_field: str) -> list[R]:
    ids = dict.fromkeys(getattr(fact.event, id_field, "") for fact in facts)
    return [row for row in map(rows.find, ids) if row is not None]


def payment_of(row: PaymentRow, *, to_admin: bool, next_action: NextAction | None = None) -> Payment:
    return Payment(**_fields(row, to_admin=to_admin, next_action=next_action))


def _fields(row: PaymentRow, *, to_admin: bool, next_action: NextAction | None = None) -> dict[str, Any]:
    return {
        "payment_id": row.payment_id,
        "user_id": row.user_id,
        "status": row.status,
        "refund_status": refund_status(row),
        "amount_minor": row.amount_minor,
        "captured_minor": row.captured_minor,
        "refunded_minor": row.refunded_minor,
        "refund_pending_minor": row.refund_pending_minor,
        "disputed_minor": row.disputed_minor,
        "currency": row.currency,
        "purpose": row.purpose,
        "purpose_ref": row.purpose_ref,
        "course_id": _course_of(row.purpose_ref),
        "description": row.description,
        "payment_method": row.payment_method_id,
        "initiated_at": row.initiated_at,
        "captured_at": row.captured_at,
        "failure": failure_of(row, to_admin=to_admin),
        "next_action": next_action,
        "position": row.position,
    }


def _course_of(purpose_ref: str) -> str:
    return parts_of(purpose_ref)[0] if ENROLMENT.has(purpose_ref) else ""


def refund_status(row: PaymentRow) -> str:
    if row.refunded_minor == 0:
        return "none"
    return "full" if row.refunded_minor >= row.captured_minor else "partial"


def failure_of(row: PaymentRow, *, to_admin: bool) -> Failure | None:
    if row.status != "failed":
        return None
    return failure(row.failure_code, row.decline_code, to_admin=to_admin)


def failure(code: str, decline_code: str, *, to_admin: bool) -> Failure:
    decline = declines.explain(code, decline_code)
    return Failure(
        code=code,
        decline_code=decline_code if to_admin else declines.shown(decline_code),
        detail=decline.detail,
        remedy=decline.remedy,
        retry_same_card=decline.retry_same_card,
    )


def detail_of(story: Story, history: Sequence[PaymentFact], *, to_admin: bool) -> PaymentDetail:
    row = story.payment
    return PaymentDetail(
        **_fields(row, to_admin=to_admin),
        refunds=[refund_of(each) for each in story.refunds],
        disputes=[dispute_of(each) for each in story.disputes],
        history=list(history),
        settlement=settlement_of(row) if to_admin and row.balance_transaction_id else None,
    )


def refund_of(row: RefundRow) -> Refund:
    return Refund(
        refund_id=row.refund_id,
        payment_id=row.payment_id,
        status=row.status,
        amount_minor=row.amount_minor,
        currency=row.currency,
        reason=row.reason,
        note=row.note,
        failure_reason=row.failure_reason,
        outside=row.outside,
        requested_at=row.requested_at,
        position=row.position,
        url=address_of(row.refund_id),
    )


def address_of(refund_id: str) -> str:
    return f"/api/refunds/{refund_id}"


def dispute_of(row: DisputeRow) -> Dispute:
    return Dispute(
        dispute_id=row.dispute_id,
        status=row.status,
        amount_minor=row.amount_minor,
        currency=row.currency,
        reason=row.reason,
        opened_at=row.opened_at,
        evidence_due_at=row.evidence_due_at,
    )


def settlement_of(row: PaymentRow | InvoiceRow) -> Settlement:
    return Settlement(
        balance_transaction=row.balance_transaction_id,
        fee_minor=row.fee_minor,
        net_minor=row.net_minor,
        currency=row.settlement_currency,
        available_at=row.available_at,
        available=row.funds_available,
    )
