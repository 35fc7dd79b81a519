"""Of subscriptions and their invoices."""

from __future__ import annotations

import msgspec

from ledger.message import Instant


class CreateSubscription(msgspec.Struct, frozen=True, tag="subscriptions.create"):
    """Create at Stripe, with the idempotency key `subscription:<subscription_id>`."""

    user_id: str
    subscription_id: str


class OpenSubscriptionPage(msgspec.Struct, frozen=True, tag="subscriptions.open_page"):
    """Have Stripe show a page on which it is begun, with the idempotency key `page:<subscription_id>`."""

    user_id: str
    subscription_id: str


class EndSubscriptionPage(msgspec.Struct, frozen=True, tag="subscriptions.end_page"):
    """Have nobody begin it on its page any more, or find out that somebody did."""

    user_id: str
    subscription_id: str


class ResolveSubscription(msgspec.Struct, frozen=True, tag="subscriptions.resolve"):
    """Find out what became of a request whose call to Stripe had no clear answer."""

    user_id: str
    subscription_id: str
    request_id: str


class ChangeSubscription(msgspec.Struct, frozen=True, tag="subscriptions.change"):
    """Put the change in force, or in wait for the period's end; idempotency key `change:<change_id>`."""

    user_id: str
    subscription_id: str
    change_id: str


class WithdrawChange(msgspec.Struct, frozen=True, tag="subscriptions.withdraw_change"):
    """Have the subscription go on with the present plan; idempotency key `withdraw:<change_id>`."""

    user_id: str
    subscription_id: str
    change_id: str


class CancelSubscription(msgspec.Struct, frozen=True, tag="subscriptions.cancel"):
    """At the end of the period or at once, as the request says; idempotency key `cancel:<request_id>`."""

    user_id: str
    subscription_id: str
    request_id: str
    at_once: bool


class KeepSubscription(msgspec.Struct, frozen=True, tag="subscriptions.keep"):
    """Withdraw a cancellation at the period's end; idempotency key `keep:<request_id>`."""

    user_id: str
    subscription_id: str
    request_id: str


class PauseSubscription(msgspec.Struct, frozen=True, tag="subscriptions.pause"):
    """Pause collection; idempotency key `pause:<request_id>`."""

    user_id: str
    subscription_id: str
    request_id: str


class ResumeSubscription(msgspec.Struct, frozen=True, tag="subscriptions.resume"):
    """Collect again; idempotency key `resume:<request_id>`."""

    user_id: str
    subscription_id: str
    request_id: str


class UpdateSubscriptionCard(msgspec.Struct, frozen=True, tag="subscriptions.update_card"):
    """Charge another card from now on; idempotency key `card:<request_id>`."""

    user_id: str
    subscription_id: str
    request_id: str


class RetryWithNewCard(msgspec.Struct, frozen=True, tag="subscriptions.retry_with_new_card"):
    """Ask the ledger for a retry of the invoice that waits for a card."""

    user_id: str
    subscription_id: str
    stripe_invoice_id: str


class EndSubscriptionService(msgspec.Struct, frozen=True, tag="subscriptions.end_service"):
    """End the service of the subscription's invoices that still have something deferred, at `at`."""

    user_id: str
    subscription_id: str
    at: Instant


class EndCollection(msgspec.Struct, frozen=True, tag="subscriptions.end_collection"):
    """Have what is open of the subscription's invoices not be collected, as it ended at `at`."""

    user_id: str
    subscription_id: str
    at: Instant


class ReturnUnusedTime(msgspec.Struct, frozen=True, tag="subscriptions.return_unused_time"):
    """Tell the invoices that a change which is not made takes nothing of them."""

    user_id: str
    subscription_id: str
    change_id: str


class SetOffUnusedTime(msgspec.Struct, frozen=True, tag="invoices.set_off_unused_time"):
    """Tell the invoices before it what this one took off for their unused time; nothing once it is void."""

    stripe_invoice_id: str


class VoidInvoice(msgspec.Struct, frozen=True, tag="invoices.void"):
    """Void at Stripe, with the idempotency key `void_ended:<stripe_invoice_id>`."""

    stripe_invoice_id: str


class RetryInvoice(msgspec.Struct, frozen=True, tag="invoices.retry"):
    """Pay at Stripe, with the idempotency key `invoice:<stripe_invoice_id>:<attempt>`."""

    stripe_invoice_id: str
    attempt: int


class ResolveInvoice(msgspec.Struct, frozen=True, tag="invoices.resolve_retry"):
    """Find out what became of an attempt whose call to Stripe had no clear answer."""

    stripe_invoice_id: str
    attempt: int


class CreateCreditNote(msgspec.Struct, frozen=True, tag="invoices.create_credit_note"):
    """Credit and refund at Stripe, with the idempotency key `credit:<credit_id>`."""

    stripe_invoice_id: str
    credit_id: str


class ResolveCreditNote(msgspec.Struct, frozen=True, tag="invoices.resolve_credit_note"):
    """Find out what became of a credit note whose call to Stripe had no clear answer."""

    stripe_invoice_id: str
    credit_id: str


SubscriptionEffect = (
    CreateSubscription
    | OpenSubscriptionPage
    | EndSubscriptionPage
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
    | EndCollection
    | ReturnUnusedTime
)
InvoiceEffect = (
    RetryInvoice | ResolveInvoice | CreateCreditNote | ResolveCreditNote | SetOffUnusedTime | VoidInvoice
)
