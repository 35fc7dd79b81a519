"""Builders of commands and facts about subscriptions and invoices: each takes what its test is about."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import reduce
from typing import Any

from ledger.invoices.commands import (
    CloseDay,
    CreditSnapshot,
    InvoiceAttempt,
    InvoiceCommand,
    RecordInvoiceSnapshot,
    RequestCredit,
)
from ledger.invoices.decider import INVOICE
from ledger.invoices.events import InvoiceEvent, InvoiceLine
from ledger.invoices.state import Invoice
from ledger.subscriptions.commands import (
    RecordSubscriptionSnapshot,
    RequestChange,
    RequestSubscription,
    SubscriptionCommand,
)
from ledger.subscriptions.decider import SUBSCRIBER
from ledger.subscriptions.events import SubscriptionEvent
from ledger.subscriptions.state import Subscriber
from tests.ledger.examples import txn

START = datetime(2026, 1, 31, 12, tzinfo=UTC)
END = datetime(2026, 2, 28, 12, tzinfo=UTC)
DAY = timedelta(days=1)
SUB, USER, STRIPE_INVOICE = "sub_1", "usr_ann", "in_1"


def when(
    subscriber: Subscriber, *commands: SubscriptionCommand
) -> tuple[Subscriber, tuple[SubscriptionEvent, ...]]:
    recorded: list[SubscriptionEvent] = []
    for command in commands:
        events = SUBSCRIBER.decide(command, subscriber)
        subscriber = reduce(SUBSCRIBER.evolve, events, subscriber)
        recorded += events
    return subscriber, tuple(recorded)


def _made(kind: Any, fields: dict[str, Any], changes: dict[str, Any]) -> Any:
    common = {"command_id": "cmd", "effective_at": START}
    return kind(**{**common, **fields, **changes})


def request(**changes: Any) -> RequestSubscription:
    fields = {
        "subscription_id": SUB,
        "user_id": USER,
        "tier": "pro",
        "interval": "month",
        "currency": "usd",
        "price_minor": 999,
        "catalogue_version": "2026-03",
        "payment_method_id": "pm_1",
        "stripe_customer_id": "cus_1",
    }
    made: RequestSubscription = _made(RequestSubscription, fields, changes)
    return made


def snapshot(status: str = "active", **changes: Any) -> RecordSubscriptionSnapshot:
    """Of Ann's pro by the month in its first period, observed when it began."""
    fields = {
        "user_id": USER,
        "subscription_id": SUB,
        "stripe_subscription_id": "sub_stripe_1",
        "observed_at": START,
        "status": status,
        "tier": "pro",
        "interval": "month",
        "currency": "usd",
        "price_minor": 999,
        "anchor_at": START,
        "period_start": START,
        "period_end": END,
        "payment_method_id": "pm_1",
    }
    made: RecordSubscriptionSnapshot = _made(RecordSubscriptionSnapshot, fields, changes)
    return made


def wish(kind: Any, **changes: Any) -> Any:
    """Any request about Ann's subscription, an hour after it began."""
    fields: dict[str, Any] = {"user_id": USER, "subscription_id": SUB, "effective_at": START + DAY / 24}
    if "request_id" in kind.__struct_fields__:
        fields["request_id"] = "req_1"
    return _made(kind, fields, changes)


def change(
    tier: str = "enterprise", interval: str = "month", price: int = 9900, **changes: Any
) -> RequestChange:
    fields: dict[str, Any] = {
        "change_id": "chg_1",
        "tier": tier,
        "interval": interval,
        "currency": "usd",
        "price_minor": price,
        "catalogue_version": "2026-03",
    }
    made: RequestChange = wish(RequestChange, **{**fields, **changes})
    return made


def subscribed(status: str = "active", **changes: Any) -> Subscriber:
    subscriber, _ = when(Subscriber(), request(), snapshot(status, **changes))
    return subscriber


def bill(invoice: Invoice, *commands: InvoiceCommand) -> tuple[Invoice, tuple[InvoiceEvent, ...]]:
    recorded: list[InvoiceEvent] = []
    for command in commands:
        events = INVOICE.decide(command, invoice)
        invoice = reduce(INVOICE.evolve, events, invoice)
        recorded += events
    return invoice, tuple(recorded)


def line(name: str = "il_1", amount: int = 999, **changes: Any) -> InvoiceLine:
    fields: dict[str, Any] = {
        "line_id": name,
        "amount_minor": amount,
        "period_start": START,
        "period_end": END,
    }
    return InvoiceLine(**{**fields, **changes})


def invoice_snapshot(status: str = "paid", **changes: Any) -> RecordInvoiceSnapshot:
    """Of 9.99 USD without tax; a paid one is settled with a fee of 0.59."""
    paid = status == "paid"
    fields = {
        "stripe_invoice_id": STRIPE_INVOICE,
        "subscription_id": SUB,
        "user_id": USER,
        "status": status,
        "number": "A-1",
        "billing_reason": "subscription_create",
        "currency": "usd",
        "lines": (line(),),
        "total_minor": 999,
        "tax_minor": 0,
        "finalized_at": START,
        "payment_intent_id": "pi_1",
        "charge_id": "ch_1" if paid else "",
        "charged_minor": 999 if paid else 0,
        "paid_at": START if paid else None,
        "balance_transaction": txn("in_1", 999, 59, at=START) if paid else None,
    }
    made: RecordInvoiceSnapshot = _made(RecordInvoiceSnapshot, fields, changes)
    return made


def attempt(
    number: int = 1, *, code: str = "insufficient_funds", after: timedelta = DAY * 0
) -> InvoiceAttempt:
    return InvoiceAttempt(
        attempt_id=f"ch_failed_{number}", failed_at=START + after, code="card_declined", decline_code=code
    )


def ask_invoice(kind: Any, **changes: Any) -> Any:
    return _made(kind, {"stripe_invoice_id": STRIPE_INVOICE}, changes)


def credit_note(amount: int, number: int = 1, **changes: Any) -> CreditSnapshot:
    fields: dict[str, Any] = {
        "stripe_credit_note_id": f"cn_{number}",
        "number": f"A-1-CN-{number}",
        "amount_minor": amount,
        "created_at": START + number * DAY,
        "stripe_refund_id": f"re_{number}",
        "balance_transaction": txn(f"re_{number}", -amount),
    }
    return CreditSnapshot(**{**fields, **changes})


def request_credit(amount: int | None = None, **changes: Any) -> RequestCredit:
    fields = {
        "credit_id": "crn_1",
        "amount_minor": amount,
        "reason": "order_change",
        "note": "asked by mail",
        **changes,
    }
    made: RequestCredit = ask_invoice(RequestCredit, **fields)
    return made


def close(days: int, **changes: Any) -> CloseDay:
    """The day so many days after the first, after its end."""
    day = (START + days * DAY).date()
    fields = {"day": day, "effective_at": START + (days + 1) * DAY, **changes}
    made: CloseDay = ask_invoice(CloseDay, **fields)
    return made
