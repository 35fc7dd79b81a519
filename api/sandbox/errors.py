"""Stripe's error bodies. https://docs.stripe.com/api/errors"""

from __future__ import annotations

from typing import Any

import msgspec

Object = dict[str, Any]


class StripeError(Exception):
    """An answer that is no success.

    `keeps_work` commits what the request did (a declined charge is a fact). `saved` says whether an
    idempotency key replays it: Stripe saves an outcome only "if an endpoint started executing", so
    parameters that fail validation are not saved. https://docs.stripe.com/api/idempotent_requests
    """

    def __init__(  # noqa: PLR0913  the fields of Stripe's error object
        self,
        message: str,
        *,
        status: int = 400,
        kind: str = "invalid_request_error",
        code: str = "",
        param: str = "",
        decline_code: str = "",
        saved: bool = True,
        keeps_work: bool = False,
        extra: Object | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.saved = saved
        self.keeps_work = keeps_work
        self.code = code
        error: Object = {"message": message, "type": kind}
        if code:
            error["code"] = code
            error["doc_url"] = f"https://docs.stripe.com/error-codes/{code.replace('_', '-')}"
        if decline_code:
            error["decline_code"] = decline_code
        if param:
            error["param"] = param
        self.error = error | (extra or {})

    def body(self) -> bytes:
        return msgspec.json.encode({"error": self.error})


def missing(kind: str, object_id: str, *, param: str = "id", status: int = 404) -> StripeError:
    """404 for an object in the path, 400 for one named in a parameter."""
    return StripeError(
        f"No such {kind.replace('_', ' ') if kind == 'webhook_endpoint' else kind}: '{object_id}'",
        status=status,
        code="resource_missing",
        param=param,
    )


def invalid(message: str, *, code: str = "", param: str = "") -> StripeError:
    """A parameter that fails validation; not saved under an idempotency key."""
    return StripeError(message, code=code, param=param, saved=False)


def unexpected_state(message: str, *, code: str, extra: Object | None = None) -> StripeError:
    return StripeError(message, code=code, extra=extra)


def intent_state(intent: Object, what: str) -> StripeError:
    """`what` could not be done with the PaymentIntent, as its status is."""
    return unexpected_state(
        f"This PaymentIntent could not be {what} because it has a status of {intent['status']}.",
        code="payment_intent_unexpected_state",
        extra={"payment_intent": intent},
    )


def server_error() -> StripeError:
    return StripeError(
        "An unknown error occurred (a fault of the sandbox, asked for).", status=500, kind="api_error"
    )


def bug() -> StripeError:
    return StripeError("The sandbox has a bug; its log says more.", status=500, kind="api_error", saved=False)


def forbidden(method: str, path: str) -> StripeError:
    """What a restricted key gets that lacks a permission. https://docs.stripe.com/keys/restricted-api-keys"""
    resource = path.split("/")[2].removesuffix("s")
    permission = f"rak_{resource}_{'read' if method == 'GET' else 'write'}"
    return StripeError(
        "The provided key 'rk_test_*****' does not have the required permissions for this endpoint. "
        f"Having the '{permission}' permission would allow this request to continue.",
        status=403,
        code="more_permissions_required",
        saved=False,
    )


def no_access(account: str) -> StripeError:
    """What `Stripe-Account` gets that names no connected account, or one that left the platform."""
    return StripeError(
        f"The provided key 'sk_test_*****' does not have access to account '{account}' (or that account does "
        "not exist). Application access may have been revoked.",
        status=403,
        code="account_invalid",
        saved=False,
    )


def rate_limited() -> StripeError:
    return StripeError(
        "Too many requests. Retry with exponential backoff (a fault of the sandbox, asked for).",
        status=429,
        code="rate_limit",
        saved=False,
    )
