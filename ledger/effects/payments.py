"""Of payments and refunds, and of what Stripe says by webhook."""

from __future__ import annotations

import msgspec


class CreatePaymentIntent(msgspec.Struct, frozen=True, tag="payments.create_payment_intent"):
    """Create and confirm at Stripe, with the idempotency key `payment:<payment_id>`."""

    payment_id: str


class OpenPaymentPage(msgspec.Struct, frozen=True, tag="payments.open_page"):
    """Have Stripe show a page on which it is paid, with the idempotency key `page:<payment_id>`."""

    payment_id: str


class ResolvePayment(msgspec.Struct, frozen=True, tag="payments.resolve_payment"):
    """Find out what became of a payment whose call to Stripe had no clear answer."""

    payment_id: str


class CancelPaymentIntent(msgspec.Struct, frozen=True, tag="payments.cancel_payment_intent"):
    """Cancel at Stripe, with the idempotency key `cancel-payment:<payment_id>`; or end the page that it is
    paid on.
    """

    payment_id: str


class CreateRefund(msgspec.Struct, frozen=True, tag="payments.create_refund"):
    """Refund at Stripe, with the idempotency key `refund:<refund_id>`."""

    payment_id: str
    refund_id: str


class ResolveRefund(msgspec.Struct, frozen=True, tag="payments.resolve_refund"):
    """Find out what became of a refund whose call to Stripe had no clear answer."""

    payment_id: str
    refund_id: str


class ApplyWebhook(msgspec.Struct, frozen=True, omit_defaults=True, tag="webhooks.apply"):
    """Fetch the present state of what a Stripe event was about, and record it."""

    stripe_event_id: str
    stripe_event_type: str
    object_id: str
    payment_intent_id: str = ""
    charge_id: str = ""
    account_id: str = ""
    """The connected account at Stripe whose event it is; empty for the platform's own."""


PaymentEffect = (
    CreatePaymentIntent
    | OpenPaymentPage
    | ResolvePayment
    | CancelPaymentIntent
    | CreateRefund
    | ResolveRefund
)
