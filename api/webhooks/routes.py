"""Stripe's webhooks: verify, record, answer 200. What they mean is found out afterwards, by the worker.

The body is never stored: it names people. Its id, type and the ids it points to are enough, since applying
it fetches the object's present state (no order of delivery is promised).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, ClassVar

import msgspec
import stripe
import structlog
from litestar import Request, Response, post
from litestar.di import NamedDependency

from api.http.problems import ApiError
from api.http.promises import responses
from api.services import Services
from api.stripe.objects import EventObject, StripeEvent, id_of, instant
from api.webhooks.endpoint import WEBHOOK_PATH
from ledger.errors import Contended, IdempotencyMismatch
from ledger.message import Origin
from ledger.store import Store
from ledger.webhooks.commands import ReceiveWebhook

TOLERANCE_S = 300
"""A stamp may be this far from our clock, in either direction. The SDK refuses old ones only; one from the
future would stay good for as long as somebody liked who got hold of it once."""

MAX_BODY_BYTES = 1_048_576


class WebhookRefused(ApiError):
    """The body is no event of Stripe. Nothing was recorded; Stripe sends it again and shows the failure."""

    code: ClassVar[str] = "invalid_webhook"
    remedy: ClassVar[str] = "Let the endpoint at Stripe send events of API v1, as snapshots."
    passing: ClassVar[bool] = True


class SignatureInvalid(WebhookRefused):
    """None of our secrets signed these bytes."""

    remedy = "Set the endpoint's signing secret here, and let no proxy rewrite the body."


class SignatureMissing(WebhookRefused):
    """Nobody signed the body."""

    remedy = "Let every proxy before the service pass `Stripe-Signature` on."


class StampOutsideTolerance(WebhookRefused):
    """Signed, but too long ago or in the future."""

    remedy = "Set the clocks."


class WrongMode(WebhookRefused):
    """A test event for a live service, or the other way round."""

    remedy = "Correct the endpoint's address in Stripe's dashboard."


class WebhookReceipt(msgspec.Struct, frozen=True):
    """`duplicate` when the event had been recorded before: delivered twice, or found by catching up.
    `received` is false only for a test event of a connected account that comes to a live service.
    """

    received: bool
    duplicate: bool


log = structlog.get_logger()

_decode = msgspec.json.Decoder(StripeEvent).decode


@post(
    WEBHOOK_PATH,
    operation_id="receiveStripeWebhook",
    response_description="The event is recorded",
    summary="Take a Stripe event",
    description="Verified by its `Stripe-Signature`, recorded, then acknowledged. It is applied afterwards.",
    status_code=200,
    tags=["webhooks"],
    responses=responses(WebhookRefused, Contended),
    request_max_body_size=MAX_BODY_BYTES,
)
async def stripe_webhook(
    request: Request[Any, Any, Any], services: NamedDependency[Services]
) -> Response[WebhookReceipt]:
    settings = services.settings
    body = await request.body()
    verify(body, request.headers.get("stripe-signature", ""), settings.stripe_webhook_secret, _wall_clock())
    event = parse_event(body)
    if event.account and settings.live and not event.livemode:
        # a live endpoint for connected accounts is told of their test events, too; refused, they come again
        log.info("test_event_left_alone", stripe_event_id=event.id, stripe_event_type=event.type)
        return Response(WebhookReceipt(received=False, duplicate=False))
    if event.livemode is not settings.live:
        raise WrongMode(
            f"The event is from Stripe's {_mode(event.livemode)} mode, this service uses a key of "
            f"{_mode(settings.live)} mode. Correct the endpoint's address in Stripe's dashboard."
        )
    duplicate = await record(services.store, event)
    return Response(WebhookReceipt(received=True, duplicate=duplicate))


async def record(store: Store, event: StripeEvent, *, caught_up: bool = False) -> bool:
    """Durable when it returns; True when the event had been recorded before."""
    try:
        outcome = await store.handle(received(event, caught_up=caught_up), origin_of(event))
    except IdempotencyMismatch:
        # two endpoints of different API versions render one event differently; its id is what counts
        log.warning("webhook_differs_from_recorded", stripe_event_id=event.id, stripe_event_type=event.type)
        return True
    return outcome.repeated or not outcome.recorded


def _wall_clock() -> datetime:
    """Signatures are stamped with real time, even where a test clock runs ahead."""
    return datetime.now(UTC)


def _mode(livemode: bool) -> str:  # noqa: FBT001  Stripe's own flag
    return "live" if livemode else "test"


def verify(body: bytes, header: str, secrets: tuple[str, ...], now: datetime) -> None:
    """Raises unless one of `secrets` signed exactly these bytes within the tolerance.

    Several secrets are accepted at once, so that they can be rolled without losing events.
    """
    if not header.strip():
        raise SignatureMissing(
            "There is no Stripe-Signature header: Stripe sends one with each event. If this came from "
            "Stripe, a proxy has left it out; to try the endpoint, sign the body as Stripe does."
        )
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
        account_id=event.account or "",
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
