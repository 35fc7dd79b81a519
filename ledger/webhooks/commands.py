"""What can be asked of one Stripe event's stream."""

from __future__ import annotations

from typing import ClassVar, Literal

from ledger.message import Command, Instant


class ReceiveWebhook(Command, frozen=True, kw_only=True):
    """Its `command_id` is `stripe:<event id>`, so that it happens once."""

    NAME: ClassVar[str] = "webhooks.receive"
    GENERATED: ClassVar[frozenset[str]] = frozenset({"caught_up"})
    ADDED: ClassVar[frozenset[str]] = frozenset({"account_id"})
    stripe_event_id: str
    stripe_event_type: str
    object_id: str
    created_at: Instant
    payment_intent_id: str = ""
    charge_id: str = ""
    caught_up: bool = False
    account_id: str = ""


class RecordWebhookApplied(Command, frozen=True, kw_only=True):
    NAME: ClassVar[str] = "webhooks.record_applied"
    stripe_event_id: str
    result: Literal["applied", "unchanged", "ignored", "unexplained"]
    subject: str = ""


WebhookCommand = ReceiveWebhook | RecordWebhookApplied
