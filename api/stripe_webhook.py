"""Stripe's webhooks: verify, record, answer 200. What they mean is found out afterwards, by the worker.

The body is never stored: it names people. Its id, type and the ids it points to are enough, since applying
it fetches the object's present state (no order of delivery is promised).
"""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

import msgspec
import stripe

from api.effects.objects import EventObject, StripeEvent, id_of, instant
from ledger.errors import LedgerError
from ledger.message import Origin
from ledger.webhooks.commands import ReceiveWebhook

TOLERANCE_S = 300
"""A stamp may be this far from our clock, in either direction. The SDK refuses old ones only; one from the
future would stay good for as long as somebody liked who got hold of it once."""

MAX_BODY_BYTES = 1_048_576


class WebhookRefused(LedgerError):
    """Nothing was recorded; Stripe sends it again and shows the failure in its dashboard."""

    code: ClassVar[str] = "invalid_webhook"


class SignatureInvalid(WebhookRefused):
    code: ClassVar[str] = "invalid_signature"


class StampOutsideTolerance(WebhookRefused):
    code: ClassVar[str] = "stale_webhook"


class WrongMode(WebhookRefused):
    code: ClassVar[str] = "livemode_mismatch"


_decode = msgspec.json.Decoder(StripeEvent).decode


def verify(body: bytes, header: str, secrets: tuple[str, ...], now: datetime) -> None:
    """Raises unless one of `secrets` signed exactly these bytes within the tolerance.

    Several secrets are accepted at once, so that they can be rolled without losing events.
    """
    if not any(_signed(body, header, secret) for secret in secrets):
        raise SignatureInvalid(
            "The Stripe-Signature header does not match the body. Check that the endpoint's signing secret "
            "is the configured one and that no proxy rewrites the body."
        )
    stamp = int(next(part[2:] for part in header.split(",") if part.startswith("t=")))
    if abs(now.timestamp() - stamp) > TOLERANCE_S:
        raise StampOutsideTolerance(
            f"The webhook was signed more than {TOLERANCE_S} s from now, before or after. Check both clocks."
        )


def _signed(body: bytes, header: str, secret: str) -> bool:
    try:
        stripe.WebhookSignature.verify_header(body, header, secret)
    except (stripe.SignatureVerificationError, UnicodeDecodeError, TypeError):
        # TypeError: compare_digest takes no text outside ASCII
        return False
    return True


def parse_event(body: bytes) -> StripeEvent:
    try:
        return _decode(body)
    except msgspec.DecodeError as problem:
        raise WebhookRefused(f"The body is not a Stripe event (API v1 snapshot): {problem}") from problem


def received(event: StripeEvent, *, caught_up: bool = False) -> ReceiveWebhook:
    """The command that records an event, dated by Stripe; the same event is the same command."""
    subject = event.data.object
    return ReceiveWebhook(
        command_id=f"stripe:{event.id}",
        effective_at=instant(event.created),
        stripe_event_id=event.id,
        stripe_event_type=event.type,
        object_id=subject.id,
        created_at=instant(event.created),
        payment_intent_id=_payment_intent_of(subject),
        charge_id=_charge_of(subject),
        caught_up=caught_up,
    )


def _payment_intent_of(subject: EventObject) -> str:
    return subject.id if subject.object == "payment_intent" else id_of(subject.payment_intent)


def _charge_of(subject: EventObject) -> str:
    return subject.id if subject.object == "charge" else id_of(subject.charge or subject.latest_charge)


def origin_of(event: StripeEvent, correlation_id: str = "") -> Origin:
    return Origin(
        actor="stripe",
        roles=frozenset({"system"}),
        correlation_id=correlation_id or event.id,
        causation_id=event.id,
    )
