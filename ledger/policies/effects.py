"""What must follow a fact, outside the ledger. The outbox keeps each until it is delivered."""

from __future__ import annotations

import msgspec


class CreatePaymentIntent(msgspec.Struct, frozen=True, tag=True):
    """Create and confirm at Stripe, with the idempotency key `payment:<payment_id>`."""

    payment_id: str


class ResolvePayment(msgspec.Struct, frozen=True, tag=True):
    """Find out what became of a payment whose call to Stripe had no clear answer."""

    payment_id: str


class CreateRefund(msgspec.Struct, frozen=True, tag=True):
    """Refund at Stripe, with the idempotency key `refund:<refund_id>`."""

    payment_id: str
    refund_id: str


class ResolveRefund(msgspec.Struct, frozen=True, tag=True):
    """Find out what became of a refund whose call to Stripe had no clear answer."""

    payment_id: str
    refund_id: str


class ApplyWebhook(msgspec.Struct, frozen=True, tag=True):
    """Fetch the present state of what a Stripe event was about, and record it."""

    stripe_event_id: str
    stripe_event_type: str
    object_id: str
    payment_intent_id: str = ""
    charge_id: str = ""


Effect = CreatePaymentIntent | ResolvePayment | CreateRefund | ResolveRefund | ApplyWebhook
