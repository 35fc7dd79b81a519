"""Facts about what Stripe told us: one stream for each Stripe event."""

from __future__ import annotations

from typing import ClassVar

from ledger.message import Event, Instant


class WebhookReceived(Event, frozen=True, kw_only=True):
    """Verified and recorded before Stripe got its 200. The body stays at Stripe: it names people."""

    TYPE: ClassVar[str] = "webhooks.received.v1"
    stripe_event_id: str
    stripe_event_type: str
    object_id: str
    created_at: Instant
    payment_intent_id: str = ""
    """From the object, when it names one: the payment that it is about."""
    charge_id: str = ""
    caught_up: bool = False
    """True when it was fetched from Stripe's list of events, not delivered to us."""
    account_id: str = ""
    """The connected account at Stripe whose event it is; empty for the platform's own."""


class WebhookApplied(Event, frozen=True, kw_only=True):
    """Stripe's present state of the object is recorded. `result`: `applied`, `unchanged`, `ignored`, or
    `unexplained` where it is none of ours and money moved all the same.
    """

    TYPE: ClassVar[str] = "webhooks.applied.v1"
    stripe_event_id: str
    result: str
    subject: str = ""
    """The id of what it was about, such as a payment's."""


WebhookEvent = WebhookReceived | WebhookApplied
