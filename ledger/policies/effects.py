"""What must follow a fact, outside the ledger. The outbox keeps each until it is delivered."""

from __future__ import annotations

import msgspec

from ledger.message import Instant


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


class CreateSubscription(msgspec.Struct, frozen=True, tag=True):
    """Create at Stripe, with the idempotency key `subscription:<subscription_id>`."""

    user_id: str
    subscription_id: str


class ResolveSubscription(msgspec.Struct, frozen=True, tag=True):
    """Find out what became of a request whose call to Stripe had no clear answer."""

    user_id: str
    subscription_id: str
    request_id: str


class ChangeSubscription(msgspec.Struct, frozen=True, tag=True):
    """Put the change in force, or in wait for the period's end; idempotency key `change:<change_id>`."""

    user_id: str
    subscription_id: str
    change_id: str


class WithdrawChange(msgspec.Struct, frozen=True, tag=True):
    """Have the subscription go on with the present plan; idempotency key `withdraw:<change_id>`."""

    user_id: str
    subscription_id: str
    change_id: str


class CancelSubscription(msgspec.Struct, frozen=True, tag=True):
    """At the end of the period or at once, as the request says; idempotency key `cancel:<request_id>`."""

    user_id: str
    subscription_id: str
    request_id: str
    at_once: bool


class KeepSubscription(msgspec.Struct, frozen=True, tag=True):
    """Withdraw a cancellation at the period's end; idempotency key `keep:<request_id>`."""

    user_id: str
    subscription_id: str
    request_id: str


class PauseSubscription(msgspec.Struct, frozen=True, tag=True):
    """Pause collection; idempotency key `pause:<request_id>`."""

    user_id: str
    subscription_id: str
    request_id: str


class ResumeSubscription(msgspec.Struct, frozen=True, tag=True):
    """Collect again; idempotency key `resume:<request_id>`."""

    user_id: str
    subscription_id: str
    request_id: str


class UpdateSubscriptionCard(msgspec.Struct, frozen=True, tag=True):
    """Charge another card from now on; idempotency key `card:<request_id>`."""

    user_id: str
    subscription_id: str
    request_id: str


class RetryWithNewCard(msgspec.Struct, frozen=True, tag=True):
    """Ask the ledger for a retry of the invoice that waits for a card."""

    user_id: str
    subscription_id: str
    stripe_invoice_id: str


class EndSubscriptionService(msgspec.Struct, frozen=True, tag=True):
    """End the service of the subscription's invoices that still have something deferred, at `at`."""

    user_id: str
    subscription_id: str
    at: Instant


class RetryInvoice(msgspec.Struct, frozen=True, tag=True):
    """Pay at Stripe, with the idempotency key `invoice:<stripe_invoice_id>:<attempt>`."""

    stripe_invoice_id: str
    attempt: int


class ResolveInvoice(msgspec.Struct, frozen=True, tag=True):
    """Find out what became of an attempt whose call to Stripe had no clear answer."""

    stripe_invoice_id: str
    attempt: int


class CreateCreditNote(msgspec.Struct, frozen=True, tag=True):
    """Credit and refund at Stripe, with the idempotency key `credit:<credit_id>`."""

    stripe_invoice_id: str
    credit_id: str


class ResolveCreditNote(msgspec.Struct, frozen=True, tag=True):
    """Find out what became of a credit note whose call to Stripe had no clear answer."""

    stripe_invoice_id: str
    credit_id: str


PaymentEffect = CreatePaymentIntent | ResolvePayment | CreateRefund | ResolveRefund
SubscriptionEffect = (
    CreateSubscription
    | ResolveSubscription
    | ChangeSubscription
    | WithdrawChange
    | CancelSubscription
    | KeepSubscription
    | PauseSubscription
    | ResumeSubscription
    | UpdateSubscriptionCard
    | RetryWithNewCard
    | EndSubscriptionService
)
InvoiceEffect = RetryInvoice | ResolveInvoice | CreateCreditNote | ResolveCreditNote

Effect = PaymentEffect | ApplyWebhook | SubscriptionEffect | InvoiceEffect
