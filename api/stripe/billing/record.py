"""Record the present state of subscriptions and invoices, and hand on what a cardholder needs."""

from __future__ import annotations

from datetime import datetime

import msgspec

from api.stripe.billing import lookup as billing_lookup
from api.stripe.billing.lookup import PresentSubscription
from api.stripe.billing.objects import Invoice as ListedInvoice
from api.stripe.billing.objects import PresentInvoice
from api.stripe.billing.snapshots import (
    commands_of,
    lost_subscription,
    subscription_snapshot,
    waiting_intent,
)
from api.stripe.customers import know_customer
from api.stripe.delivery import Delivered, Tools
from api.stripe.objects import PaymentIntent, SetupIntent
from ledger.invoices.decider import INVOICE
from ledger.invoices.state import Invoice
from ledger.invoices.stream import stream_of as invoice_stream
from ledger.message import Origin, Outcome
from ledger.subscriptions.decider import SUBSCRIBER
from ledger.subscriptions.events import SubscriptionObserved, SubscriptionRequested
from ledger.subscriptions.state import Subscriber, Subscription
from ledger.subscriptions.stream import stream_of as subscriber_stream


class RecordedSubscription(msgspec.Struct, frozen=True):
    outcome: Outcome
    invoices: list[Outcome]
    """The last of each invoice that was looked at, newest first."""
    delivered: Delivered

    @property
    def changed(self) -> bool:
        return any(one.recorded for one in (self.outcome, *self.invoices))


async def subscriber_of(tools: Tools, user_id: str) -> Subscriber:
    return await tools.store.state(SUBSCRIBER, subscriber_stream(user_id))


async def subscription_of(tools: Tools, user_id: str, subscription_id: str) -> Subscription | None:
    return (await subscriber_of(tools, user_id)).subscriptions.get(subscription_id)


async def invoice_of(tools: Tools, stripe_invoice_id: str) -> Invoice:
    return await tools.store.state(INVOICE, invoice_stream(stripe_invoice_id))


async def look_and_record(
    tools: Tools, stripe_subscription_id: str, origin: Origin, *, with_latest: bool = False
) -> RecordedSubscription:
    """A subscription of ours as it is now. Raises what a call to Stripe raises."""
    present = await billing_lookup.present_subscription(
        tools.stripe, stripe_subscription_id, tools.clock.now(), with_latest=with_latest
    )
    return await record_subscription(tools, present, origin)


async def record_subscription(
    tools: Tools, present: PresentSubscription, origin: Origin, *, occurred_at: datetime | None = None
) -> RecordedSubscription:
    """The subscription recorded, with those of its invoices that were looked at closely."""
    lost = lost_subscription(present.subscription, tools.store.ledger_id)
    outcome = await tools.store.handle(
        subscription_snapshot(present, occurred_at=occurred_at, lost=lost), origin
    )
    if lost is not None and _is_taken_up(outcome):
        user_id = present.subscription.metadata["user_id"]
        await know_customer(tools, user_id, lost.stripe_customer_id, origin)
    invoices = [
        (await record_invoice(tools, detail, origin))[-1] for detail in present.details if names_ours(detail)
    ]
    latest = present.details[0] if present.details else None
    delivered = delivered_of(outcome, latest, invoices[0] if invoices else None)
    setup = present.subscription.pending_setup_intent
    if isinstance(setup, SetupIntent) and not delivered.client_secret:
        delivered = _asking(delivered, setup)
    return RecordedSubscription(outcome, invoices, delivered)


async def look_for_news(tools: Tools, stripe_subscription_id: str, origin: Origin) -> list[Outcome]:
    """Of a subscription of ours, by a look now. Raises what a call to Stripe raises."""
    present = await billing_lookup.present_subscription(
        tools.stripe, stripe_subscription_id, tools.clock.now()
    )
    return await record_news(tools, present, origin)


async def record_news(
    tools: Tools, present: PresentSubscription, origin: Origin, *, occurred_at: datetime | None = None
) -> list[Outcome]:
    """As `record_subscription`, but nothing when it would tell no more than that somebody looked: for a look
    that nothing of the subscription gave cause for. With its other invoices that tell something new.
    """
    outcomes: list[Outcome] = []
    if await has_news(tools, present):
        recorded = await record_subscription(tools, present, origin, occurred_at=occurred_at)
        outcomes += [recorded.outcome, *recorded.invoices]
    outcomes += await record_other_invoices(tools, present, origin)
    return [one for one in outcomes if one.recorded]


async def has_news(tools: Tools, present: PresentSubscription) -> bool:
    """Whether a subscription of ours differs from what is known of it, in more than the time of the look."""
    found = present.subscription
    subscriber = await subscriber_of(tools, found.metadata["user_id"])
    known = subscriber.subscriptions.get(found.metadata["subscription_id"])
    if known is None:
        return True
    facts = SUBSCRIBER.decide(subscription_snapshot(present), subscriber)
    return any(not isinstance(fact, SubscriptionObserved) for fact in facts) or any(
        (fact.open_invoice_id, fact.trial_end) != (known.open_invoice_id, known.trial_end)
        for fact in facts
        if isinstance(fact, SubscriptionObserved)
    )


async def record_other_invoices(tools: Tools, present: PresentSubscription, origin: Origin) -> list[Outcome]:
    """Of the subscription's newest invoices those that were not looked at closely and tell something new:
    their own events may be lost.
    """
    seen = {detail.invoice.id for detail in present.details}
    outcomes: list[Outcome] = []
    for invoice in reversed(present.invoices):
        if invoice.id in seen or not await differs(tools, invoice):
            continue
        credited = bool((await invoice_of(tools, invoice.id)).credits)
        detail = await billing_lookup.hanging_on(tools.stripe, invoice, with_credits=credited)
        if names_ours(detail):
            outcomes += await record_invoice(tools, detail, origin)
    return [one for one in outcomes if one.recorded]


async def differs(tools: Tools, invoice: ListedInvoice) -> bool:
    """Whether the ledger lacks something of an invoice, as far as a list of invoices tells."""
    if invoice.status in {None, "draft"}:
        return False
    known = await invoice_of(tools, invoice.id)
    credited = invoice.pre_payment_credit_notes_amount + invoice.post_payment_credit_notes_amount
    unsettled = known.status == "paid" and known.total_minor > 0 and not known.settled
    return known.status != invoice.status or unsettled or credited != _by_credit_notes(known)


def _by_credit_notes(known: Invoice) -> int:
    """Without what a refund alone gave back, which Stripe counts in no invoice."""
    bare = (one.noted_minor for one in known.credits.values() if one.stripe_credit_note_id.startswith("re_"))
    return known.noted_minor - sum(bare)


def _is_taken_up(outcome: Outcome) -> bool:
    return any(isinstance(recorded.event, SubscriptionRequested) for recorded in outcome.recorded)


async def record_invoice(tools: Tools, present: PresentInvoice, origin: Origin) -> list[Outcome]:
    """One outcome for each command."""
    known = await invoice_of(tools, present.invoice.id)
    return [await tools.store.handle(command, origin) for command in commands_of(present, known)]


def names_ours(present: PresentInvoice) -> bool:
    """Its subscription carries our metadata."""
    details = present.invoice.subscription
    metadata = (details.metadata if details else None) or {}
    return bool(metadata.get("subscription_id") and metadata.get("user_id"))


def delivered_of(
    outcome: Outcome | None, present: PresentInvoice | None, invoice: Outcome | None
) -> Delivered:
    intent = waiting_intent(present) if present else None
    if intent is None:
        return Delivered(outcome, invoice=invoice)
    return _asking(Delivered(outcome, invoice=invoice), intent)


def _asking(delivered: Delivered, intent: PaymentIntent | SetupIntent) -> Delivered:
    """With what the cardholder's browser needs, when it needs something."""
    if intent.status != "requires_action":
        return delivered
    redirect = intent.next_action.redirect_to_url if intent.next_action else None
    url = (redirect.url if redirect else None) or ""
    return msgspec.structs.replace(delivered, client_secret=intent.client_secret or "", next_action_url=url)


async def next_setup_action(tools: Tools, setup_intent_id: str) -> Delivered:
    """The secrets for a card whose cardholder is to confirm it. Raises what a call to Stripe raises."""
    return _asking(Delivered(), await billing_lookup.setup_intent(tools.stripe, setup_intent_id))


async def next_action(tools: Tools, stripe_invoice_id: str) -> Delivered:
    """The secrets for an invoice that waits for its cardholder, fetched anew. Raises what a call to Stripe
    raises.
    """
    if not (await invoice_of(tools, stripe_invoice_id)).action_required:
        return Delivered()
    present = await billing_lookup.present_invoice(tools.stripe, stripe_invoice_id)
    return delivered_of(None, present, None)
