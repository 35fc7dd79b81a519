"""What a received Stripe event asks for; one of a type that nobody follows is ignored as it is received."""

from __future__ import annotations

from ledger.effects import ApplyWebhook, Effect
from ledger.message import Recorded
from ledger.webhooks.decider import is_followed
from ledger.webhooks.events import WebhookReceived


def react(recorded: Recorded) -> tuple[Effect, ...]:
    match recorded.event:
        case WebhookReceived() as event if is_followed(event.stripe_event_type, event.account_id):
            apply = ApplyWebhook(
                stripe_event_id=event.stripe_event_id,
                stripe_event_type=event.stripe_event_type,
                object_id=event.object_id,
                payment_intent_id=event.payment_intent_id,
                charge_id=event.charge_id,
                account_id=event.account_id,
            )
            return (apply,)
        case _:
            return ()
