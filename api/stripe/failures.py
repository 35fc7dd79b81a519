"""What an error from Stripe means for the thing that was asked."""

from __future__ import annotations

from typing import Literal

import msgspec
import stripe

from api.stripe.objects import PaymentIntent, UnexpectedAnswer, parse_dict

CONFLICT = 409
NO_ACCESS = "account_invalid"
"""What Stripe says of a connected account that was deleted, or has left the platform."""


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """`kind` decides what follows:

    `refused`: Stripe will not do it, and nothing happened. `unclear`: it may have happened, ask again
    with the same key. `used`: Stripe did something by this key before, with other parameters, so that what
    it did must be looked up. `busy`: another request with the same key is running, come back.
    `misconfigured`: our key or its permissions are wrong. That says nothing about the card, so it is never a
    decline; nothing happened, and it is tried again once an operator has put it right.
    """

    kind: Literal["refused", "unclear", "used", "busy", "misconfigured"]
    code: str
    """Stripe's error code, or the kind of error; never its message, which may quote the request."""
    decline_code: str = ""
    parameter: str = ""
    """What of the request Stripe refuses, by its name; no value."""
    payment_intent: PaymentIntent | None = None
    """In the body of a declined card: the PaymentIntent as the decline left it."""


def failure_of(  # noqa: PLR0911 - one answer for each kind of error
    error: stripe.StripeError | UnexpectedAnswer,
) -> Failure:
    match error:
        case stripe.CardError():
            return _declined(error)
        case stripe.PermissionError() if code_of(error) == NO_ACCESS:
            return Failure(kind="refused", code=NO_ACCESS)
        case stripe.AuthenticationError() | stripe.PermissionError():
            return Failure(kind="misconfigured", code=code_of(error) or type(error).__name__)
        case stripe.IdempotencyError() if error.http_status != CONFLICT:
            return Failure(kind="used", code=error.code or "idempotency_error")
        case stripe.InvalidRequestError():
            refused = error.code or "invalid_request"
            return Failure(kind="refused", code=refused, parameter=error.param or "")
        case stripe.APIError() | stripe.IdempotencyError() if error.http_status == CONFLICT:
            return Failure(kind="busy", code=error.code or "idempotency_key_in_use")
        case stripe.StripeError():
            # 429 after all tries, 5xx, time-outs, cut connections
            status = f" {error.http_status}" if error.http_status else ""
            return Failure(kind="unclear", code=f"{type(error).__name__}{status}")
        case UnexpectedAnswer():
            return Failure(kind="unclear", code="unexpected_answer")


def code_of(error: stripe.StripeError) -> str:
    """Also where the SDK leaves it in the body, as it does of what it calls a matter of permissions."""
    body = error.json_body if isinstance(error.json_body, dict) else {}
    return error.code or (body.get("error") or {}).get("code") or ""


def is_missing(error: stripe.StripeError) -> bool:
    """Stripe has no such object, or this key may not see it."""
    return isinstance(error, stripe.InvalidRequestError) and error.code == "resource_missing"


def _declined(error: stripe.CardError) -> Failure:
    body = error.json_body.get("error", {}) if isinstance(error.json_body, dict) else {}
    intent = body.get("payment_intent")
    return Failure(
        kind="refused",
        code=error.code or "card_declined",
        decline_code=body.get("decline_code") or "",
        payment_intent=_embedded(intent) if intent else None,
    )


def _embedded(intent: object) -> PaymentIntent | None:
    try:
        return parse_dict(intent, PaymentIntent)
    except UnexpectedAnswer:
        return None  # the decline stands without it
