"""What the API shows of a checkout, which is a payment that is made on a page of Stripe's."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from api.payments.resources import Payment

CheckoutStatus = Literal["opening", "open", "processing", "complete", "failed", "over"]


class Checkout(msgspec.Struct, frozen=True, kw_only=True):
    """`opening`: Stripe has not answered yet, so there is no `url`; `open`: somebody may pay at `url`, until
    `expires_at`; `processing`: paid, and the bank's answer comes later; `over`: nobody paid in time, or it
    was ended. The address is for the buyer alone: whoever has it can pay there.
    """

    checkout_id: str
    """The payment's id; empty where nothing was to pay."""
    status: CheckoutStatus
    url: str | None
    expires_at: datetime | None
    payment: Payment | None
    """As `GET /api/payments/{payment_id}` tells it; null until it is begun, and where nothing was to pay."""


_OF_PAYMENT: dict[str, CheckoutStatus] = {
    "initiated": "opening",
    "unknown": "opening",
    "requires_action": "open",
    "processing": "processing",
    "failed": "failed",
    "canceled": "over",
}


def status_of(payment_status: str) -> CheckoutStatus:
    """What was captured is complete, whatever becomes of it later."""
    return _OF_PAYMENT.get(payment_status, "complete")


NOTHING_TO_PAY = Checkout(checkout_id="", status="complete", url=None, expires_at=None, payment=None)
