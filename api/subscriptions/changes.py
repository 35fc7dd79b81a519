"""Changing the plan of a subscription."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from litestar import Response, post, put
from litestar.di import NamedDependency
from litestar.params import JSONBody
from msgspec import Meta

from api.http.body import IdempotencyKey, UserId
from api.http.owner import owner_of
from api.http.preconditions import IDEMPOTENT
from api.http.problems import ApiError, Problem, StripeUnavailable, answer, problem
from api.http.promises import responses
from api.services import Services, origin_of
from api.stripe.billing.catalogue import Plan
from api.stripe.billing.previews import ChangePreview as ToldByStripe
from api.stripe.gateway import Postponed, RefusedByStripe
from api.submitting import Submitted
from api.subscriptions.billing import (
    DECLINED,
    WAITS,
    Call,
    addressed,
    declined,
    is_decline,
    ok,
    price_of,
    refusal,
    unpaid,
)
from api.subscriptions.entitlements import subscriber_of
from api.subscriptions.paid import still_paid
from api.subscriptions.resources import Subscription, subscription_of
from api.subscriptions.routes import TAGS
from api.subscriptions.subscribing import Interval, TierName
from ledger.errors import NotFound
from ledger.message import Instant
from ledger.subscriptions import state
from ledger.subscriptions.changes import preview_change
from ledger.subscriptions.commands import RequestChange
from ledger.subscriptions.decider import SUBSCRIBER
from ledger.subscriptions.events import (
    SubscriptionChangeRequested,
    SubscriptionChangeScheduled,
    SubscriptionEvent,
)
from ledger.subscriptions.refusals import (
    BilledOtherwise,
    CancellationPending,
    IntervalChange,
    InvalidPrice,
    PreviewExpired,
    PreviewMismatch,
    PreviewRequired,
    RequestInProgress,
    SamePlan,
    SubscriptionEnded,
    SubscriptionNotActive,
    UnknownTier,
)
from ledger.subscriptions.worth import PaidTime


class PreviewChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    tier: TierName
    interval: Interval = "month"
    user_id: UserId | None = None


class UpdateSubscription(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An upgrade echoes `proration_at` and `expected_minor` of its preview; a downgrade needs neither. The
    present plan withdraws a change that waits.
    """

    tier: TierName
    interval: Interval = "month"
    proration_at: Instant | None = None
    expected_minor: Annotated[int, Meta(ge=-999_999_999_999, le=999_999_999_999)] | None = None
    user_id: UserId | None = None


class ChangePreview(msgspec.Struct, frozen=True, kw_only=True):
    """What the change would do. An upgrade charges `expected_minor` now, in force when it is paid, and holds
    for ten minutes when `proration_at` is sent along; a downgrade charges nothing and comes `at` the end of
    the period. Stripe's invoice, with tax, is what counts.
    """

    kind: Literal["upgrade", "downgrade", "withdrawal"]
    tier: str
    interval: Interval
    currency: str
    price_minor: int
    """Of one, for one interval of the new plan."""
    quantity: int
    """As many as of the present plan."""
    at: datetime
    proration_at: datetime
    expected_minor: int
    total_minor: int | None
    """What Stripe will invoice, with tax; null when Stripe cannot tell yet."""
    waited_minor: int
    """Of it what waited for the next invoice, as after a change in Stripe's dashboard; without tax."""
    unused_minor: int
    """Of the present plan, for the rest of the period: what is still paid of it, after all that was given
    back."""
    used_anew_minor: int
    """Of the new plan, for the same rest."""
    period_start: datetime
    period_end: datetime


class ChangeNotMade(Problem, kw_only=True):
    """Stripe refused the change; the present plan goes on."""

    subscription: Subscription


class ChangeFailed(ApiError):
    """Stripe refused the change; the present plan goes on."""

    code = "change_failed"
    remedy = "Ask for a new preview and confirm that one; tell who runs the service when it stays so."
    passing = False


REFUSALS = (
    NotFound,
    SubscriptionEnded,
    SubscriptionNotActive,
    RequestInProgress,
    BilledOtherwise,
    CancellationPending,
    UnknownTier,
    InvalidPrice,
    SamePlan,
    IntervalChange,
    PreviewExpired,
    PreviewMismatch,
    StripeUnavailable,
)


@post(
    "/api/subscriptions/preview",
    operation_id="previewSubscriptionChange",
    summary="What a change of plan would charge",
    tags=TAGS,
    status_code=200,
    responses=responses(*REFUSALS),
)
async def preview_subscription_change(
    data: JSONBody[PreviewChange], request: Call, services: NamedDependency[Services]
) -> Response[ChangePreview]:
    """Nothing is changed. What the rules would refuse is refused here too."""
    subscriber, row = await addressed(services.store, owner_of(request, data.user_id))
    price = price_of(services.catalogue, data.tier, data.interval, row.currency)
    # Stripe counts whole seconds, and the time is sent back as it was told
    at = services.now().replace(microsecond=0)
    paid = await still_paid(services, subscriber.user_id, row, at)
    command = RequestChange(
        command_id="preview",
        effective_at=services.now(),
        user_id=subscriber.user_id,
        subscription_id=row.subscription_id,
        change_id="preview",
        tier=data.tier,
        interval=data.interval,
        currency=row.currency,
        price_minor=price,
        catalogue_version=services.catalogue.version,
        proration_at=at,
        expected_minor=_charge(row, data.tier, price, data.interval, at, paid),
        paid=paid,
    )
    decided = SUBSCRIBER.decide(command, subscriber)[-1]
    told = None
    if isinstance(decided, SubscriptionChangeRequested):
        told = await _invoiced(services, request, command, row)
    return Response(_preview(command, row, decided, told), status_code=200)


async def _invoiced(
    services: Services, request: Call, command: RequestChange, row: state.Subscription
) -> ToldByStripe:
    """What Stripe says, which must agree with us before anybody is told."""
    plan = Plan(command.tier, command.interval, command.currency, command.price_minor)
    assert command.proration_at is not None, "as it was made"
    try:
        try:
            return await services.gateway.preview_change(
                command.user_id, command.subscription_id, plan, command.proration_at, command.paid
            )
        except RefusedByStripe as why:
            raise await _refused(services, request, command, row, why) from None
    except Postponed:
        raise StripeUnavailable(
            "Stripe does not answer. Nothing was changed; try again in a moment."
        ) from None


async def _refused(
    services: Services, request: Call, command: RequestChange, row: state.Subscription, why: RefusedByStripe
) -> PreviewMismatch:
    """What Stripe refuses, it knows something of that is not known here, such as that the subscription ended
    and its webhook was lost: looked for, so that the rules say what is so. Raises their refusal.
    """
    with suppress(RefusedByStripe):  # it may refuse the look as well, having nothing there any more
        await services.gateway.look_at_subscription(row.stripe_subscription_id, origin_of(request))
    SUBSCRIBER.decide(command, await subscriber_of(services.store, command.user_id))
    return PreviewMismatch(
        f"Stripe refuses this change ({why.failure.code}); nothing was changed. Try again, and tell an "
        "operator when it stays so."
    )


def _charge(
    row: state.Subscription, tier: str, price: int, interval: str, at: datetime, paid: PaidTime
) -> int:
    """0 where the rules will refuse anyway."""
    begun = row.period_start is not None and row.live
    return preview_change(row, tier, price, interval, at, paid).charge_minor if begun else 0


def _preview(
    command: RequestChange, row: state.Subscription, decided: SubscriptionEvent, told: ToldByStripe | None
) -> ChangePreview:
    at = command.proration_at
    assert at is not None, "as it was made"
    preview = preview_change(row, command.tier, command.price_minor, command.interval, at, command.paid)
    kind: Literal["upgrade", "downgrade", "withdrawal"] = "withdrawal"
    starts = at
    if isinstance(decided, SubscriptionChangeRequested):
        kind = "upgrade"
    elif isinstance(decided, SubscriptionChangeScheduled):
        kind, starts = "downgrade", decided.at
    upgrade = kind == "upgrade"
    return ChangePreview(
        kind=kind,
        tier=command.tier,
        interval=command.interval,
        currency=command.currency,
        price_minor=command.price_minor,
        quantity=row.quantity,
        at=starts,
        proration_at=at,
        expected_minor=preview.charge_minor if upgrade else 0,
        total_minor=told.total_minor if told else 0,
        waited_minor=told.waited_minor if told else 0,
        unused_minor=preview.unused_minor if upgrade else 0,
        used_anew_minor=preview.used_anew_minor if upgrade else 0,
        period_start=preview.period_start if upgrade else row.period_start or at,
        period_end=preview.period_end if upgrade else row.period_end or at,
    )


@put(
    "/api/subscriptions/update",
    operation_id="updateSubscription",
    summary="Change the plan",
    tags=TAGS,
    opt={IDEMPOTENT: True},
    response_description="In force, or scheduled for the end of the period (see `change`)",
    responses=responses(*REFUSALS, PreviewRequired, bodies={**DECLINED, ChangeFailed: ChangeNotMade})
    | {202: WAITS},
)
async def update_subscription(
    data: JSONBody[UpdateSubscription],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[Subscription]:
    """More is an upgrade: prorated, charged now, and in force when it is paid. Less is a downgrade, at the
    end of the period. A later change supersedes one that waits.
    """
    user_id = owner_of(request, data.user_id)

    async def work(command_id: str) -> Response[Any]:
        return await _update(services, request, data, user_id, command_id)

    return await services.idempotency.run(request, idempotency_key, data, work)


async def _update(
    services: Services, request: Call, body: UpdateSubscription, user_id: str, command_id: str
) -> Response[Any]:
    async def make() -> RequestChange:
        _, row = await addressed(services.store, user_id)
        paid = await still_paid(services, user_id, row, body.proration_at or services.now())
        return RequestChange(
            command_id=command_id,
            effective_at=services.now(),
            user_id=user_id,
            subscription_id=row.subscription_id,
            change_id=services.id_of("chg", command_id),
            tier=body.tier,
            interval=body.interval,
            currency=row.currency,
            price_minor=price_of(services.catalogue, body.tier, body.interval, row.currency),
            catalogue_version=services.catalogue.version,
            proration_at=body.proration_at,
            expected_minor=body.expected_minor,
            paid=paid,
        )

    done = await services.submitter.submit_once(command_id, make, origin_of(request))
    decided: Any = done.recorded[-1].event
    row = (await subscriber_of(services.store, user_id)).subscriptions[decided.subscription_id]
    return await _changed(services, request, row, user_id, decided.change_id, done)


async def _changed(
    services: Services, request: Call, row: state.Subscription, user_id: str, change_id: str, done: Submitted
) -> Response[Any]:
    shown = subscription_of(row, user_id)
    refused = await refusal(services.store, user_id, change_id)
    if refused is not None and is_decline(refused.code, refused.decline_code):
        return declined(request, shown, refused.code, refused.decline_code, done)
    if refused is not None:
        detail = f"The change was not made ({refused.code}); the present plan goes on."
        common = problem(ChangeFailed.code, detail, request.url.path)
        return answer(ChangeNotMade(**msgspec.structs.asdict(common), subscription=shown), done.headers)
    waits = row.change is not None and row.change.change_id == change_id
    if row.change is None or not waits or row.change.status == "scheduled":
        return ok(shown, done)
    return await unpaid(services, request, row, user_id, done)


HANDLERS = (preview_subscription_change, update_subscription)
