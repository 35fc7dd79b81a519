"""Builders of commands and facts for tests of the rules: each takes what its test is about."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import reduce
from typing import Any

from ledger.balance import BalanceTransaction
from ledger.message import Event, Metadata, Recorded
from ledger.payments.commands import (
    DisputeSnapshot,
    InitiatePayment,
    PaymentCommand,
    RecordPaymentSnapshot,
    RefundSnapshot,
    RequestRefund,
)
from ledger.payments.decider import decide
from ledger.payments.events import PaymentEvent, PaymentInitiated
from ledger.payments.state import Payment, evolve

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
PAYMENT_ID, USER, INTENT, CHARGE = "pay_1", "usr_ann", "pi_1", "ch_1"


def given(*events: PaymentEvent) -> Payment:
    return reduce(evolve, events, Payment())


def when(payment: Payment, *commands: PaymentCommand) -> tuple[Payment, tuple[PaymentEvent, ...]]:
    """The payment after all commands, and all that they recorded."""
    recorded: list[PaymentEvent] = []
    for command in commands:
        events = decide(command, payment)
        payment = reduce(evolve, events, payment)
        recorded += events
    return payment, tuple(recorded)


def recorded(event: Event, position: int = 1, stream: str = f"payment-{PAYMENT_ID}") -> Recorded:
    metadata = Metadata(actor="stripe", command="test", command_digest="", effective_at=NOON)
    return Recorded(position, stream, position, event, metadata, NOON, "cmd_1")


def txn(
    name: str, amount: int, fee: int = 0, currency: str = "usd", at: datetime = NOON
) -> BalanceTransaction:
    return BalanceTransaction(
        balance_transaction_id=f"txn_{name}",
        amount_minor=amount,
        fee_minor=fee,
        net_minor=amount - fee,
        currency=currency,
        available_at=at + 2 * DAY,
        created_at=at,
    )


def initiate(**changes: Any) -> InitiatePayment:
    fields: dict[str, Any] = {
        "command_id": "cmd_initiate",
        "effective_at": NOON,
        "payment_id": PAYMENT_ID,
        "user_id": USER,
        "amount_minor": 10000,
        "currency": "usd",
        "payment_method_id": "pm_card_visa",
    }
    return InitiatePayment(**{**fields, **changes})


def initiated(**changes: Any) -> PaymentInitiated:
    (event,) = decide(initiate(**changes), Payment())
    assert isinstance(event, PaymentInitiated)
    return event


def snapshot(status: str = "succeeded", **changes: Any) -> RecordPaymentSnapshot:
    """Of a payment of 100.00 USD with a fee of 3.20; a succeeded one has its charge settled."""
    captured = status == "succeeded"
    fields: dict[str, Any] = {
        "command_id": "cmd_snapshot",
        "effective_at": NOON,
        "payment_id": PAYMENT_ID,
        "payment_intent_id": INTENT,
        "status": status,
        "amount_minor": 10000,
        "amount_received_minor": 10000 if captured else 0,
        "currency": "usd",
        "charge_id": CHARGE if captured else "",
        "captured_at": NOON if captured else None,
        "balance_transaction": txn("charge", 10000, 320) if captured else None,
    }
    return RecordPaymentSnapshot(**{**fields, **changes})


def refund(status: str = "succeeded", **changes: Any) -> RefundSnapshot:
    fields: dict[str, Any] = {
        "stripe_refund_id": "re_stripe_1",
        "refund_id": "re_1",
        "amount_minor": 4000,
        "currency": "usd",
        "status": status,
    }
    return RefundSnapshot(**{**fields, **changes})


def dispute(status: str, *entries: BalanceTransaction, **changes: Any) -> DisputeSnapshot:
    fields: dict[str, Any] = {
        "dispute_id": "dp_1",
        "charge_id": CHARGE,
        "amount_minor": 10000,
        "currency": "usd",
        "reason": "fraudulent",
        "status": status,
        "opened_at": NOON + 5 * DAY,
        "balance_transactions": entries,
    }
    return DisputeSnapshot(**{**fields, **changes})


def request_refund(amount: int | None = None, **changes: Any) -> RequestRefund:
    fields: dict[str, Any] = {
        "command_id": "cmd_refund",
        "effective_at": NOON + DAY,
        "payment_id": PAYMENT_ID,
        "refund_id": "re_1",
        "amount_minor": amount,
        "reason": "requested_by_customer",
        "by_admin": False,
        "user_id": USER,
    }
    return RequestRefund(**{**fields, **changes})


def captured() -> Payment:
    """100.00 USD of Ann's, captured and settled."""
    payment, _ = when(given(initiated()), snapshot())
    return payment


def names(events: Iterable[Event]) -> list[str]:
    return [type(event).__name__ for event in events]
