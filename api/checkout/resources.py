"""What the API shows of a checkout, which is a payment that is made on a page of Stripe's."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from api.payments.resources import Failure, Payment
from api.subscriptions.resources import Subscription
from ledger.payments import state as payments
from ledger.subscriptions import state as subscriptions

CheckoutStatus = Literal["opening", "open", "processing", "complete", "failed", "over"]


class Checkout(msgspec.Struct, frozen=True, kw_only=True):
    """`opening`: Stripe has not answered yet, so there is no `url`; `open`: somebody may pay at `url`, until
    `expires_at`; `processing`: paid, and the bank's answer comes later; `over`: nobody paid in time, or it
    was ended; `failed`: Stripe opens no such page, or the bank's answer was no. The address is for the buyer
    alone: whoever has it can pay there.
    """

    checkout_id: str
    """The payment's id, or the subscription's; empty where nothing was to pay."""
    status: CheckoutStatus
    url: str | None = None
    expires_at: datetime | None = None
    failure: Failure | None = None
    """Why it `failed`."""
    payment: Payment | None = None
    """As `GET /api/payments/{payment_id}` tells it; null until it is begun, and for a subscription."""
    subscription: Subscription | None = None
    """As `GET /api/subscriptions/current` tells it; null for a payment."""


_OF_PAYMENT: dict[str, CheckoutStatus] = {
    "initiated": "opening",
    "unknown": "opening",
    "requires_action": "open",
    "processing": "processing",
    "failed": "failed",
    "canceled": "over",
}


def payment_status(payment: payments.Payment) -> CheckoutStatus:
    """What was captured is complete, whatever becomes of it later."""
    return _OF_PAYMENT.get(payment.status, "complete")


def subscription_status(row: subscriptions.Subscription) -> CheckoutStatus:
    """What began is complete, whatever becomes of it later."""
    if row.status in subscriptions.UNANSWERED:
        return "open" if row.session_id else "opening"
    if row.status == "failed":
        return "over" if row.session_id else "failed"
    return "complete"
