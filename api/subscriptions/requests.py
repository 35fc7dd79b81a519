"""Ending, keeping, pausing and resuming a subscription, and the card that it charges."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any

import msgspec
from litestar import Response, post, put
from litestar.di import NamedDependency
from litestar.params import JSONBody
from msgspec import Meta

from api.http.body import IdempotencyKey, PaymentMethodId, UserId
from api.http.owner import owner_of
from api.http.preconditions import IDEMPOTENT
from api.http.problems import ApiError, Problem, StripeUnavailable, answer, problem
from api.http.promises import Refusal, responses
from api.services import Services, origin_of
from api.submitting import Submitted
from api.subscriptions.authentication import answered
from api.subscriptions.billing import (
    DECLINED,
    WAITS,
    Call,
    addressed,
    declined,
    is_decline,
    ok,
    refusal,
    unpaid,
)
from api.subscriptions.entitlements import subscriber_of
from api.subscriptions.resources import Subscription, subscription_of
from api.subscriptions.routes import TAGS
from api.words import NO_NUL
from ledger.errors import NotFound
from ledger.subscriptions.commands import (
    RequestCancellation,
    RequestCancellationWithdrawal,
    RequestPause,
    RequestPaymentMethodChange,
    RequestResume,
)
from ledger.subscriptions.events import ResumeRequested
from ledger.subscriptions.refusals import (
    NotCanceling,
    NotPaused,
    RequestInProgress,
    SubscriptionEnded,
    SubscriptionNotActive,
)
from ledger.subscriptions.state import Subscription as Row

Wish = (
    RequestCancellation
    | RequestCancellationWithdrawal
    | RequestPause
    | RequestResume
    | RequestPaymentMethodChange
)
Wishing = Callable[[Row, dict[str, Any]], Wish]


class CancelSubscription(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """At the end of the paid period, or `at_once`, which gives nothing back."""

    at_once: bool = False
    reason: Annotated[str, Meta(max_length=255, pattern=NO_NUL)] = ""
    user_id: UserId | None = None


class OfSubscription(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An empty object for one's own."""

    user_id: UserId | None = None


class SubscriptionCard(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    payment_method: PaymentMethodId
    user_id: UserId | None = None


class RequestNotMade(Problem, kw_only=True):
    """Stripe refused; the subscription is as it was."""

    subscription: Subscription


class RequestFailed(ApiError):
    """Stripe did not do it; the subscription is as it was."""

    code = "request_failed"
    remedy = "Read `detail` and ask again later; tell who runs the service when it stays so."
    passing = False


REFUSALS = (NotFound, SubscriptionEnded, RequestInProgress)
NOT_MADE: Mapping[Refusal, type[Problem]] = {RequestFailed: RequestNotMade}


@post(
    "/api/subscriptions/cancel",
    operation_id="cancelSubscription",
    summary="Cancel",
    tags=TAGS,
    status_code=200,
    opt={IDEMPOTENT: True},
    response_description="It ends, now or `cancel_at`",
    responses=responses(*REFUSALS, SubscriptionNotActive, bodies=NOT_MADE) | {202: WAITS},
)
async def cancel_subscription(
    data: JSONBody[CancelSubscription],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[Subscription]:
    """At the end of the period the wish can be withdrawn until then: POST /api/subscriptions/resume."""

    def wish(_: Row, fields: dict[str, Any]) -> Wish:
        return RequestCancellation(**fields, at_once=data.at_once, reason=data.reason)

    return await _run(services, request, idempotency_key, data, wish)


@post(
    "/api/subscriptions/resume",
    operation_id="resumeSubscription",
    summary="Go on after all",
    tags=TAGS,
    status_code=200,
    opt={IDEMPOTENT: True},
    response_description="It goes on",
    responses=responses(
        *REFUSALS, NotCanceling, NotPaused, StripeUnavailable, bodies={**NOT_MADE, **DECLINED}
    )
    | {202: WAITS},
)
async def resume_subscription(
    data: JSONBody[OfSubscription],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[Subscription]:
    """Withdraws a cancellation at the period's end; else ends a pause. When that left out a renewal, a period
    begins now and is charged.
    """

    def wish(row: Row, fields: dict[str, Any]) -> Wish:
        return (
            RequestCancellationWithdrawal(**fields) if row.cancel_at is not None else RequestResume(**fields)
        )

    return await _run(services, request, idempotency_key, data, wish)


@post(
    "/api/subscriptions/pause",
    operation_id="pauseSubscription",
    summary="Pause",
    tags=TAGS,
    status_code=200,
    opt={IDEMPOTENT: True},
    response_description="It is paused",
    responses=responses(*REFUSALS, SubscriptionNotActive, bodies=NOT_MADE) | {202: WAITS},
)
async def pause_subscription(
    data: JSONBody[OfSubscription],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[Subscription]:
    """Nothing is charged and the plan's features do not count until it is resumed."""

    def wish(_: Row, fields: dict[str, Any]) -> Wish:
        return RequestPause(**fields)

    return await _run(services, request, idempotency_key, data, wish)


@put(
    "/api/subscriptions/payment-method",
    operation_id="changeSubscriptionPaymentMethod",
    summary="Charge another card",
    tags=TAGS,
    opt={IDEMPOTENT: True},
    response_description="From now on this card is charged",
    responses=responses(*REFUSALS, bodies={**NOT_MADE, **DECLINED}) | {202: WAITS},
)
async def change_subscription_payment_method(
    data: JSONBody[SubscriptionCard],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[Subscription]:
    """An invoice that waits for a card is tried with this one at once. A bank that wants to hear the
    cardholder before it lets the card be charged without them asks now: see `next_action`.
    """

    def wish(_: Row, fields: dict[str, Any]) -> Wish:
        return RequestPaymentMethodChange(**fields, payment_method_id=data.payment_method)

    return await _run(services, request, idempotency_key, data, wish)


async def _run(
    services: Services,
    request: Call,
    key: str,
    body: CancelSubscription | OfSubscription | SubscriptionCard,
    wish: Wishing,
) -> Response[Any]:
    user_id = owner_of(request, body.user_id)

    async def work(command_id: str) -> Response[Any]:
        async def make() -> Wish:
            _, row = await addressed(services.store, user_id)
            fields = {
                "command_id": command_id,
                "effective_at": services.now(),
                "user_id": user_id,
                "subscription_id": row.subscription_id,
                "request_id": services.id_of("req", command_id),
            }
            return wish(row, fields)

        done = await services.submitter.submit_once(command_id, make, origin_of(request))
        return await _answer(services, request, user_id, done)

    return await services.idempotency.run(request, key, body, work)


async def _answer(services: Services, request: Call, user_id: str, done: Submitted) -> Response[Any]:
    """Nothing recorded: it is as it was wished already."""
    if not done.recorded:
        _, row = await addressed(services.store, user_id)
        return ok(subscription_of(row, user_id), done)
    asked: Any = done.recorded[-1].event
    row = (await subscriber_of(services.store, user_id)).subscriptions[asked.subscription_id]
    shown = subscription_of(row, user_id)
    if row.request is not None and row.request.request_id == asked.request_id:
        return ok(shown, done, 202)
    if isinstance(asked, ResumeRequested) and row.status == "past_due":
        return await unpaid(services, request, row, user_id, done)
    refused = await refusal(services.store, user_id, asked.request_id)
    if refused is None:
        return await answered(services, request, row, user_id, done, 200)
    if is_decline(refused.code, refused.decline_code):
        return declined(request, shown, refused.code, refused.decline_code, done)
    common = problem(
        RequestFailed.code,
        f"Stripe did not do it ({refused.code}); the subscription is as it was.",
        request.url.path,
    )
    return answer(RequestNotMade(**msgspec.structs.asdict(common), subscription=shown), done.headers)


HANDLERS = (
    cancel_subscription,
    resume_subscription,
    pause_subscription,
    change_subscription_payment_method,
)
