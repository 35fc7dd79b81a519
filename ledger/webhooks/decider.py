"""The rules of one Stripe event: received once, applied once."""

from __future__ import annotations

from typing import assert_never, get_args

from msgspec import Struct
from msgspec.structs import replace

from ledger.errors import NotFound
from ledger.message import Decider
from ledger.webhooks.commands import ReceiveWebhook, RecordWebhookApplied, WebhookCommand
from ledger.webhooks.events import WebhookApplied, WebhookEvent, WebhookReceived
from ledger.webhooks.stream import stream_of

FOLLOWED = (
    "payment_intent.",
    "charge.",
    "checkout.session.",
    "refund.",
    "payout.",
    "topup.",
    "transfer.",
    "customer.subscription.",
    "customer.deleted",
    "setup_intent.",
    "invoice.",
    "credit_note.",
    "price.updated",
)
"""How the Stripe event types begin that say something of a payment, a refund, a dispute, a payout, a
transfer, a subscription with its invoices and prices, a page or a saved card, all of the platform's own."""

FOLLOWED_OF_ACCOUNTS = ("account.", "capability.", "payout.")
"""The same for events of connected accounts. Their payments, payouts and so on are not the platform's: of the
same type as ours, they must never be taken for them. Payouts are followed as what they are, those to owners'
banks."""

SUBSCRIBED = (
    "payment_intent.succeeded",
    "payment_intent.payment_failed",
    "payment_intent.processing",
    "payment_intent.requires_action",
    "payment_intent.canceled",
    "charge.updated",
    "charge.dispute.created",
    "charge.dispute.updated",
    "charge.dispute.closed",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.funds_reinstated",
    "checkout.session.completed",
    "checkout.session.async_payment_succeeded",
    "checkout.session.async_payment_failed",
    "checkout.session.expired",
    "refund.created",
    "refund.updated",
    "refund.failed",
    "payout.created",
    "payout.updated",
    "payout.paid",
    "payout.failed",
    "payout.canceled",
    "topup.succeeded",
    "topup.reversed",
    "transfer.created",
    "transfer.updated",
    "transfer.reversed",
    "customer.subscription.created",
    "customer.subscription.updated",
    "customer.subscription.deleted",
    "customer.subscription.pending_update_applied",
    "customer.subscription.pending_update_expired",
    "customer.deleted",
    "setup_intent.succeeded",
    "setup_intent.setup_failed",
    "setup_intent.requires_action",
    "invoice.finalized",
    "invoice.paid",
    "invoice.payment_failed",
    "invoice.payment_action_required",
    "invoice.voided",
    "invoice.marked_uncollectible",
    "credit_note.created",
    "credit_note.updated",
    "credit_note.voided",
    "price.updated",
)
"""The types that an endpoint needs, and that catching up looks for: each change of state is told by one of
them. `charge.updated` brings the balance transaction of an asynchronous capture, `price.updated` the tier
that somebody gave a price. More of them may be delivered; they cost a fetch each and say nothing new.
"""

SUBSCRIBED_OF_ACCOUNTS = (
    "account.updated",
    "account.application.deauthorized",
    "account.external_account.created",
    "account.external_account.updated",
    "account.external_account.deleted",
    "capability.updated",
    "payout.created",
    "payout.updated",
    "payout.paid",
    "payout.failed",
    "payout.canceled",
)
"""The types that an endpoint for connected accounts needs. Stripe's list of events has none of these, so that
what is lost is found by a look at the account."""


class Webhook(Struct, frozen=True, gc=False):
    received: bool = False
    applied: bool = False


def is_followed(stripe_event_type: str, account_id: str) -> bool:
    """`account_id` is of the connected account whose event it is; empty for the platform's own."""
    return stripe_event_type.startswith(FOLLOWED_OF_ACCOUNTS if account_id else FOLLOWED)


def decide(command: WebhookCommand, webhook: Webhook) -> tuple[WebhookEvent, ...]:
    match command:
        case ReceiveWebhook():
            return () if webhook.received else _received(command)
        case RecordWebhookApplied():
            if not webhook.received:
                raise NotFound(
                    f"Stripe event {command.stripe_event_id} was never received; receive it first."
                )
            if webhook.applied:
                return ()
            applied = WebhookApplied(
                stripe_event_id=command.stripe_event_id, result=command.result, subject=command.subject
            )
            return (applied,)
        case _:
            assert_never(command)


def _received(command: ReceiveWebhook) -> tuple[WebhookEvent, ...]:
    received = WebhookReceived(
        stripe_event_id=command.stripe_event_id,
        stripe_event_type=command.stripe_event_type,
        object_id=command.object_id,
        created_at=command.created_at,
        payment_intent_id=command.payment_intent_id,
        charge_id=command.charge_id,
        caught_up=command.caught_up,
        account_id=command.account_id,
    )
    if is_followed(command.stripe_event_type, command.account_id):
        return (received,)
    return received, WebhookApplied(stripe_event_id=command.stripe_event_id, result="ignored")


def evolve(webhook: Webhook, event: WebhookEvent) -> Webhook:
    match event:
        case WebhookReceived():
            return replace(webhook, received=True)
        case WebhookApplied():
            return replace(webhook, applied=True)
        case _:
            assert_never(event)


def stream(command: WebhookCommand) -> str:
    return stream_of(command.stripe_event_id)


WEBHOOK: Decider[WebhookCommand, Webhook, WebhookEvent] = Decider(
    stream=stream,
    decide=decide,
    evolve=evolve,
    initial=Webhook(),
    commands=get_args(WebhookCommand),
    events=get_args(WebhookEvent),
    begins=(ReceiveWebhook,),
)
