"""Apply a Stripe event: fetch the present state of what it is about, and record what is new.

The event itself is only a hint. Stripe promises no order and may deliver twice, so what the event said is
never recorded, what is true now is. https://docs.stripe.com/webhooks#event-ordering
"""

from __future__ import annotations

import time
from typing import Literal

import msgspec
import stripe
import structlog

from api.stripe import customer_webhooks
from api.stripe.accounts import bank_payouts
from api.stripe.accounts import webhooks as account_webhooks
from api.stripe.billing import lookup as billing_lookup
from api.stripe.billing import pages as subscription_pages
from api.stripe.billing import webhooks as billing_webhooks
from api.stripe.billing.record import subscription_of
from api.stripe.delivery import IMPATIENCE, Delivered, Postponed, Tools, recorder
from api.stripe.failures import is_missing
from api.stripe.movements import webhooks as movements
from api.stripe.objects import CheckoutSession, id_of
from api.stripe.payments import lookup, pages
from api.stripe.payments.create import present_of, record_present, state_of
from api.stripe.payments.snapshots import lost_payment, payout_snapshot
from api.stripe.transfers import webhooks as transfer_webhooks
from ledger.effects import ApplyWebhook
from ledger.ids import new_id
from ledger.message import Origin, Outcome
from ledger.webhooks.commands import RecordWebhookApplied
from ledger.webhooks.decider import WEBHOOK, is_followed
from ledger.webhooks.stream import stream_of

log = structlog.get_logger()

Result = Literal["applied", "unchanged", "ignored", "unexplained"]
"""`unexplained`: nothing of it is ours, and money moved all the same."""


class LastLook(msgspec.Struct):
    """What was last recorded of one thing's present state at Stripe, and when it was looked at.

    Stripe sends an event after what it is about, so a look that began after the event had come shows it.
    """

    began: float = -1.0
    """By the monotonic clock."""
    subject: str = ""
    """Our id of it, as webhooks are recorded with."""
    refunds: bool = False
    disputes: bool = False

    def shows(self, effect: ApplyWebhook, arrived: float) -> bool:
        return (
            self.began >= arrived
            and (self.refunds or not _about_refunds(effect))
            and (self.disputes or not _about_disputes(effect))
        )


async def apply(
    tools: Tools, effect: ApplyWebhook, origin: Origin, last_look: LastLook, arrived: float
) -> Delivered:
    """Raises what a call to Stripe raises, and Postponed when Stripe or the ledger does not know the object
    (yet): neither is ever dropped.
    """
    if (await tools.store.state(WEBHOOK, stream_of(effect.stripe_event_id))).applied:
        return Delivered()
    as_stripe = recorder(origin, effect.stripe_event_id)
    result: Result
    try:
        if last_look.shows(effect, arrived):
            result, subject = "unchanged", last_look.subject
        else:
            result, subject = await look(tools, effect, as_stripe, last_look)
        if result == "ignored" and not effect.account_id:
            result = movements.result_of(await movements.record_moved(tools, effect, as_stripe))
    except stripe.StripeError as error:
        if not is_missing(error):
            raise
        unknown = f"Stripe does not know {effect.object_id} of {effect.stripe_event_type}"
        raise Postponed(unknown, IMPATIENCE) from error
    command = RecordWebhookApplied(
        # fresh: a second try may see `unchanged` where the first saw `applied`; the decider keeps the first
        command_id=new_id("cmd"),
        effective_at=tools.clock.now(),
        stripe_event_id=effect.stripe_event_id,
        result=result,
        subject=subject,
    )
    return Delivered(await tools.store.handle(command, as_stripe))


async def look(  # noqa: C901, PLR0911 - one answer for each family of events
    tools: Tools, effect: ApplyWebhook, origin: Origin, last_look: LastLook
) -> tuple[Result, str]:
    """Fetches what the event is about and records what is new in it: `ignored` when nothing of it is ours.
    Answers with our id of it as well. Raises as `apply` does.
    """
    if not is_followed(effect.stripe_event_type, effect.account_id):
        return _ignored(
            effect, "not about payments, cards, payouts, transfers, subscriptions or connected accounts"
        )
    if effect.account_id:
        return await _account(tools, effect, origin, last_look)
    if is_about_payout(effect.stripe_event_type):
        return await _payout(tools, effect.object_id, origin)
    if effect.stripe_event_type.startswith("topup."):
        return "ignored", effect.object_id  # what it moved says all there is to it
    if effect.stripe_event_type.startswith("transfer."):
        return await _transfer(tools, effect, origin)
    if effect.stripe_event_type.startswith(billing_webhooks.FAMILIES):
        began = time.monotonic()
        return _billed(effect, await billing_webhooks.apply(tools, effect, origin), last_look, began)
    if effect.stripe_event_type.startswith("checkout."):
        return await _page(tools, effect, origin, last_look)
    if effect.stripe_event_type.startswith(customer_webhooks.FAMILIES):
        return await _customer(tools, effect, origin)
    payment_intent_id = effect.payment_intent_id
    if not payment_intent_id and effect.charge_id:
        payment_intent_id = await lookup.payment_intent_of_charge(tools.stripe, effect.charge_id)
    if not payment_intent_id:
        return _ignored(effect, "a charge without a PaymentIntent is none of ours")
    return await _payment(tools, effect, payment_intent_id, origin, last_look)


async def _account(
    tools: Tools, effect: ApplyWebhook, origin: Origin, last_look: LastLook
) -> tuple[Result, str]:
    began = time.monotonic()
    about = bank_payouts if is_about_payout(effect.stripe_event_type) else account_webhooks
    applied = await about.apply(tools, effect, origin)
    if applied.ignored:
        return _ignored(effect, applied.ignored, effect.account_id)
    last_look.began, last_look.subject = began, applied.subject
    return "applied" if applied.changed else "unchanged", applied.subject


async def _payment(
    tools: Tools, effect: ApplyWebhook, payment_intent_id: str, origin: Origin, last_look: LastLook
) -> tuple[Result, str]:
    began = time.monotonic()
    intent = await lookup.payment_intent(tools.stripe, payment_intent_id)
    payment_id = (intent.metadata or {}).get("payment_id", "")
    if not payment_id:
        return await _of_invoice(tools, effect, payment_intent_id, origin, last_look)
    known = await state_of(tools, payment_id)
    of_ledger = (intent.metadata or {}).get("ledger_id", tools.store.ledger_id)
    if not known.payment_id and of_ledger != tools.store.ledger_id:
        return _ignored(effect, "the PaymentIntent is another ledger's", payment_intent_id)
    if not known.payment_id and lost_payment(intent, tools.store.ledger_id) is None:
        unknown = f"the ledger has no payment {payment_id}, which {payment_intent_id} at Stripe names"
        raise Postponed(unknown, IMPATIENCE)
    with_refunds = _about_refunds(effect) or bool(known.refunds)
    with_disputes = _about_disputes(effect) or bool(known.disputes)
    present = await present_of(tools, intent, with_refunds=with_refunds, with_disputes=with_disputes)
    outcomes = await record_present(tools, payment_id, present, origin)
    last_look.began, last_look.subject = began, payment_id
    last_look.refunds, last_look.disputes = (
        with_refunds or bool(present.refunds),
        with_disputes or bool(present.disputes),
    )
    return _result(outcomes), payment_id


async def _page(
    tools: Tools, effect: ApplyWebhook, origin: Origin, last_look: LastLook
) -> tuple[Result, str]:
    session = await lookup.checkout_session(tools.stripe, effect.object_id)
    metadata = session.metadata or {}
    payment_id, subscription_id = metadata.get("payment_id", ""), metadata.get("subscription_id", "")
    if metadata.get("ledger_id") != tools.store.ledger_id or not (payment_id or subscription_id):
        return _ignored(effect, "a page that is none of this ledger's")
    if subscription_id:
        return await _subscription_page(tools, effect, session, origin)
    if (await state_of(tools, payment_id)).payment_id:
        return _result(await pages.record_page(tools, payment_id, session, origin)), payment_id
    payment_intent_id = id_of(session.payment_intent)
    if not payment_intent_id:
        return _ignored(effect, "the page of a payment that this ledger has forgotten, and nobody paid")
    return await _payment(tools, effect, payment_intent_id, origin, last_look)


async def _subscription_page(
    tools: Tools, effect: ApplyWebhook, session: CheckoutSession, origin: Origin
) -> tuple[Result, str]:
    """One that the ledger has forgotten is taken up by the events of the subscription itself."""
    metadata = session.metadata or {}
    ids = (metadata.get("user_id", ""), metadata["subscription_id"])
    if await subscription_of(tools, *ids) is None:
        return _ignored(effect, "the page of a subscription that this ledger has forgotten", ids[1])
    return _result(await subscription_pages.record_page(tools, ids, session, origin)), ids[1]


async def _of_invoice(
    tools: Tools, effect: ApplyWebhook, payment_intent_id: str, origin: Origin, last_look: LastLook
) -> tuple[Result, str]:
    """A payment that is none of ours may be an invoice's."""
    began = time.monotonic()
    invoice_id = await billing_lookup.invoice_of_payment_intent(tools.stripe, payment_intent_id)
    if not invoice_id:
        return _ignored(
            effect, "the PaymentIntent carries no payment_id: another integration's", payment_intent_id
        )
    applied = await billing_webhooks.invoice(
        tools,
        invoice_id,
        origin,
        with_credits=_about_refunds(effect),
        with_disputes=_about_disputes(effect),
        occurred_at=await billing_webhooks.occurred_at(tools, effect),
    )
    return _billed(effect, applied, last_look, began)


def _billed(
    effect: ApplyWebhook, applied: billing_webhooks.Applied, last_look: LastLook, began: float
) -> tuple[Result, str]:
    if applied.ignored:
        return _ignored(effect, applied.ignored)
    last_look.began, last_look.subject = began, applied.subject
    last_look.refunds, last_look.disputes = applied.credits, applied.disputes
    return "applied" if applied.changed else "unchanged", applied.subject


def is_about_payout(stripe_event_type: str) -> bool:
    return stripe_event_type.startswith("payout.")


def _about_refunds(effect: ApplyWebhook) -> bool:
    return effect.stripe_event_type.startswith(("refund.", "charge.refund"))


def _about_disputes(effect: ApplyWebhook) -> bool:
    return effect.stripe_event_type.startswith("charge.dispute")


async def _payout(tools: Tools, payout_id: str, origin: Origin) -> tuple[Result, str]:
    payout = await lookup.payout(tools.stripe, payout_id)
    outcome = await tools.store.handle(payout_snapshot(payout), origin)
    return _result([outcome]), payout_id


async def _customer(tools: Tools, effect: ApplyWebhook, origin: Origin) -> tuple[Result, str]:
    applied = await customer_webhooks.apply(tools, effect, origin)
    if applied.ignored:
        return _ignored(effect, applied.ignored)
    return "applied" if applied.changed else "unchanged", applied.subject


async def _transfer(tools: Tools, effect: ApplyWebhook, origin: Origin) -> tuple[Result, str]:
    applied = await transfer_webhooks.apply(tools, effect, origin)
    if applied.ignored:
        return _ignored(effect, applied.ignored)
    return "applied" if applied.changed else "unchanged", applied.subject


def _result(outcomes: list[Outcome]) -> Result:
    return "applied" if any(outcome.recorded for outcome in outcomes) else "unchanged"


def _ignored(effect: ApplyWebhook, why: str, subject: str = "") -> tuple[Result, str]:
    log.info(
        "webhook_ignored",
        stripe_event_id=effect.stripe_event_id,
        stripe_event_type=effect.stripe_event_type,
        why=why,
    )
    return "ignored", subject or effect.object_id
