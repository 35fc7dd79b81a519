"""Payments with their refunds and disputes: three tables that tell of the same stream."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar, TypeGuard, get_args

from psycopg import Cursor

from ledger.message import Event, Recorded
from ledger.payments.events import (
    PaymentActionRequired,
    PaymentCanceled,
    PaymentEvent,
    PaymentFailed,
    PaymentFundsAvailable,
    PaymentInitiated,
    PaymentOutcomeUnknown,
    PaymentProcessing,
    PaymentSettled,
    PaymentSucceeded,
)
from ledger.payments.state import PaymentStatus
from ledger.payments.stream import id_of
from projections.engine.projection import Fold
from projections.engine.tables import Row, Rows, Sheet, Table
from projections.payments import disputes, refunds
from projections.payments.disputes import DISPUTES, DisputeEvent
from projections.payments.refunds import REFUNDS, RefundEvent


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


PAYMENTS = Table("payments", PaymentRow, ("payment_id",))

_PAYMENT_EVENTS: frozenset[type[Event]] = frozenset(get_args(PaymentEvent))
_REFUND_EVENTS: frozenset[type[Event]] = frozenset(get_args(RefundEvent))
_DISPUTE_EVENTS: frozenset[type[Event]] = frozenset(get_args(DisputeEvent))


class Payments(Fold):
    NAME: ClassVar[str] = "payments"
    FACTS: ClassVar[frozenset[type[Event]] | None] = _PAYMENT_EVENTS

    def __init__(self) -> None:
        self._payments = Rows(PAYMENTS)
        self._refunds = Rows(REFUNDS)
        self._disputes = Rows(DISPUTES)
        self._disputes_of: defaultdict[str, set[str]] = defaultdict(set)

    @property
    def sheets(self) -> tuple[Sheet, ...]:
        return self._payments, self._refunds, self._disputes

    def load(self, cursor: Cursor[Any], batch: Sequence[Recorded]) -> None:
        """Of a stream that begins in this batch nothing is there yet."""
        touched: set[str] = set()
        refunded: set[str] = set()
        disputed: set[str] = set()
        for recorded in batch:
            event = recorded.event
            if type(event) not in _PAYMENT_EVENTS:
                continue
            touched.add(_payment_id(recorded))
            if _is_refund(event):
                refunded.add(event.refund_id)
            elif _is_dispute(event):
                disputed.add(_payment_id(recorded))
        begun = {
            recorded.event.payment_id for recorded in batch if isinstance(recorded.event, PaymentInitiated)
        }
        self._payments.load(cursor, touched - begun)
        self._refunds.load(cursor, refunded)
        for row in self._disputes.load(cursor, disputed, by="payment_id"):
            self._disputes_of[row.payment_id].add(row.dispute_id)

    def take(self, recorded: Recorded) -> None:
        event = recorded.event
        if isinstance(event, PaymentInitiated):
            row = _begin(recorded, event)
            self._payments.put(event.payment_id, row)
            return
        row = self._payments.change(_payment_id(recorded))
        row.last_position = recorded.position
        if _is_refund(event):
            succeeded, under_way = refunds.apply(self._refunds, recorded, event)
            row.refunded_minor += succeeded
            row.refund_pending_minor += under_way
        elif _is_dispute(event):
            self._dispute(row, recorded, event)
        else:
            self._advance(row, recorded)

    def _dispute(self, row: PaymentRow, recorded: Recorded, event: DisputeEvent) -> None:
        ids = self._disputes_of[row.payment_id]
        ids.add(disputes.apply(self._disputes, recorded, event).dispute_id)
        all_of_them = [one for one in map(self._disputes.find, ids) if one is not None]
        row.disputed_minor = sum(one.withheld_minor for one in all_of_them)
        if row.captured_minor:
            row.status = disputes.standing(all_of_them)

    def _advance(self, row: PaymentRow, recorded: Recorded) -> None:
        match recorded.event:
            case PaymentSucceeded() as event:
                self._capture(row, recorded, event)
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
            case PaymentFailed() as event:
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

    def _capture(self, row: PaymentRow, recorded: Recorded, event: PaymentSucceeded) -> None:
        ids = self._disputes_of.get(row.payment_id, set())
        row.status = disputes.standing(one for one in map(self._disputes.find, ids) if one is not None)
        row.payment_intent_id = event.payment_intent_id
        row.charge_id = event.charge_id
        row.captured_minor = event.amount_minor
        row.currency = event.currency
        row.captured_at = event.captured_at or recorded.metadata.effective_at
        # What went wrong before is over.
        row.failure_code = row.decline_code = row.action = ""


def _payment_id(recorded: Recorded) -> str:
    return id_of(recorded.stream)


def _begin(recorded: Recorded, event: PaymentInitiated) -> PaymentRow:
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
    )


def _is_refund(event: Event) -> TypeGuard[RefundEvent]:
    """`isinstance` against a union of nine takes ten times as long."""
    return type(event) in _REFUND_EVENTS


def _is_dispute(event: Event) -> TypeGuard[DisputeEvent]:
    return type(event) in _DISPUTE_EVENTS
