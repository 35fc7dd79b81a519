"""Apply a Stripe event: fetch the present state of what it is about, and record what is new.

The event itself is only a hint. Stripe promises no order and may deliver twice, so what the event said is
never recorded, what is true now is. https://docs.stripe.com/webhooks#event-ordering
"""

from __future__ import annotations

from typing import Literal

import stripe
import structlog

from api.effects import lookup
from api.effects.failures import is_missing
from api.effects.payments import record_present, state_of
from api.effects.snapshots import payout_snapshot
from api.effects.wiring import IMPATIENCE, STRIPE_ERRORS, Delivered, Postponed, Wiring, postponed, recorder
from ledger.ids import new_id
from ledger.message import Origin, Outcome
from ledger.policies.effects import ApplyWebhook
from ledger.webhooks.commands import RecordWebhookApplied
from ledger.webhooks.decider import WEBHOOK, is_followed

log = structlog.get_logger()

Result = Literal["applied", "unchanged", "ignored"]


async def apply(wiring: Wiring, effect: ApplyWebhook, origin: Origin) -> Delivered:
    """Raises Postponed when Stripe or the ledger does not know the object (yet): neither is ever dropped."""
    if (await wiring.store.state(WEBHOOK, f"webhook-{effect.stripe_event_id}")).applied:
        return Delivered()
    as_stripe = recorder(origin, effect.stripe_event_id)
    try:
        result, subject = await _apply(wiring, effect, as_stripe)
    except STRIPE_ERRORS as error:
        if isinstance(error, stripe.StripeError) and is_missing(error):
            unknown = f"Stripe does not know {effect.object_id} of {effect.stripe_event_type}"
            raise Postponed(unknown, IMPATIENCE) from error
        raise postponed(error) from error
    command = RecordWebhookApplied(
        # fresh: a second try may see `unchanged` where the first saw `applied`; the decider keeps the first
        command_id=new_id("cmd"),
        effective_at=wiring.clock.now(),
        stripe_event_id=effect.stripe_event_id,
        result=result,
        subject=subject,
    )
    return Delivered(await wiring.store.handle(command, as_stripe))


async def _apply(wiring: Wiring, effect: ApplyWebhook, origin: Origin) -> tuple[Result, str]:
    if not is_followed(effect.stripe_event_type):
        return _ignored(effect, "not about payments or payouts")
    if effect.stripe_event_type.startswith("payout."):
        return await _payout(wiring, effect.object_id, origin)
    payment_intent_id = effect.payment_intent_id
    if not payment_intent_id and effect.charge_id:
        payment_intent_id = await lookup.payment_intent_of_charge(wiring.stripe, effect.charge_id)
    if not payment_intent_id:
        return _ignored(effect, "a charge without a PaymentIntent is none of ours")
    return await _payment(wiring, effect, payment_intent_id, origin)


async def _payment(
    wiring: Wiring, effect: ApplyWebhook, payment_intent_id: str, origin: Origin
) -> tuple[Result, str]:
    present = await lookup.present_state(wiring.stripe, payment_intent_id)
    payment_id = (present.payment_intent.metadata or {}).get("payment_id", "")
    if not payment_id:
        return _ignored(
            effect, "the PaymentIntent carries no payment_id: another integration's", payment_intent_id
        )
    if not (await state_of(wiring, payment_id)).payment_id:
        unknown = f"the ledger has no payment {payment_id}, which {payment_intent_id} at Stripe names"
        raise Postponed(unknown, IMPATIENCE)
    outcomes = await record_present(wiring, payment_id, present, origin)
    return _result(outcomes), payment_id


async def _payout(wiring: Wiring, payout_id: str, origin: Origin) -> tuple[Result, str]:
    payout = await lookup.payout(wiring.stripe, payout_id)
    outcome = await wiring.store.handle(payout_snapshot(payout), origin)
    return _result([outcome]), payout_id


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
