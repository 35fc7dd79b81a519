"""Subscribing, changing the plan, and what the caller has."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from api.http.body import CurrencyCode, IdempotencyKey, PaymentMethodId, WhoseParameter
from api.http.owner import owner_of
from api.http.preconditions import IDEMPOTENT
from api.http.problems import StripeUnavailable
from api.http.promises import responses
from api.http.responses import NOT_MODIFIED_SPEC, Read
from api.services import Services, origin_of
from api.stripe.gateway import Delivered
from api.submitting import Submitted
from api.subscriptions import trial_cards
from api.subscriptions.authentication import answered, told
from api.subscriptions.billing import (
    DECLINED,
    WAITS,
    Call,
    declined,
    is_decline,
    refusal,
    unpaid,
)
from api.subscriptions.entitlements import subscriber_of
from api.subscriptions.promotions import REFUSALS, PromotionCode
from api.subscriptions.resources import CurrentPlan, Subscription, current_of, subscription_of
from api.subscriptions.subscribing import Interval, PlanWanted, TierName, subscription_request
from ledger.errors import NotFound
from ledger.subscriptions import state
from ledger.subscriptions.commands import RequestSubscription
from ledger.subscriptions.events import SubscriptionRequested
from ledger.subscriptions.refusals import (
    InvalidPrice,
    PromotionCodeRefused,
    SubscriptionExists,
    TrialUsed,
    TrialUsedWithCard,
    UnknownTier,
)

TAGS = ["subscriptions"]


class CreateSubscription(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The price is the catalogue's. `trial` asks for the free days of the plan, once for each user, and
    where the operator says so for each card.
    """

    tier: TierName
    interval: Interval = "month"
    currency: CurrencyCode = "usd"
    payment_method: PaymentMethodId
    trial: bool = False
    promotion_code: PromotionCode | None = None

    @property
    def wanted(self) -> PlanWanted:
        return PlanWanted(tier=self.tier, interval=self.interval, currency=self.currency, trial=self.trial)


@post(
    "/api/subscriptions/create",
    operation_id="createSubscription",
    summary="Subscribe to a plan",
    tags=TAGS,
    opt={IDEMPOTENT: True},
    response_description="It is active, or on trial",
    responses=responses(
        UnknownTier,
        InvalidPrice,
        SubscriptionExists,
        TrialUsed,
        TrialUsedWithCard,
        StripeUnavailable,
        *REFUSALS,
        PromotionCodeRefused,
        bodies=DECLINED,
    )
    | {202: WAITS},
)
async def create_subscription(
    data: JSONBody[CreateSubscription],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[Subscription]:
    """Charges the first period now, or begins the trial. There is at most one subscription for a user that is
    not over; the card is saved for its renewals. A trial begins whatever the bank wants to hear from the
    cardholder about its card, which `next_action` asks now.
    """
    body = msgspec.structs.replace(data, currency=data.currency.lower())

    async def work(command_id: str) -> Response[Any]:
        return await _create(services, request, body, command_id)

    return await services.idempotency.run(request, idempotency_key, body, work)


async def _create(
    services: Services, request: Call, body: CreateSubscription, command_id: str
) -> Response[Any]:
    async def make() -> RequestSubscription:
        return await subscription_request(
            services,
            request,
            body.wanted,
            command_id,
            card=body.payment_method,
            promotion_code=body.promotion_code or "",
        )

    done = await services.submitter.submit_once(command_id, make, origin_of(request), begins=True)
    user_id, subscription_id = request.user.id, _subscription_id(done, services.id_of("sub", command_id))
    row = (await subscriber_of(services.store, user_id)).subscriptions[subscription_id]
    shown = subscription_of(row, user_id)
    if row.status == "failed":
        await trial_cards.give_back(services, subscription_id)
        refused = await refusal(services.store, user_id, subscription_id)
        assert refused is not None, "it says why it failed"
        if _has_code(done) and not is_decline(refused.code, refused.decline_code):
            raise PromotionCodeRefused(
                f"Stripe began no subscription with this promotion code ({refused.code})."
            )
        return declined(request, shown, refused.code, refused.decline_code, done)
    if row.status == "incomplete":
        return await unpaid(services, request, row, user_id, done)
    status = 202 if row.status in state.UNANSWERED else 201
    return await answered(services, request, row, user_id, done, status)


def _has_code(done: Submitted) -> bool:
    requested = done.recorded[0].event if done.recorded else None
    return isinstance(requested, SubscriptionRequested) and bool(requested.promotion_code_id)


def _subscription_id(done: Submitted, otherwise: str) -> str:
    """Of the first sending, when this is a repeat. Nothing recorded: it was taken up from Stripe."""
    if not done.recorded:
        return otherwise
    requested = done.recorded[0].event
    assert isinstance(requested, SubscriptionRequested)
    return requested.subscription_id


@get(
    "/api/subscriptions/current",
    operation_id="getCurrentPlan",
    summary="The plan that counts now",
    tags=TAGS,
    responses=responses(NotFound) | NOT_MODIFIED_SPEC,
)
async def get_current_plan(
    request: Call, services: NamedDependency[Services], user_id: WhoseParameter = None
) -> Read[CurrentPlan]:
    """Free when there is no subscription. With what is scheduled, the grace of an overdue payment, why it is
    not paid, what the card's bank wants to hear its cardholder about, and every feature.
    """
    user = owner_of(request, user_id)
    subscriber = await subscriber_of(services.store, user)
    live = subscriber.live
    shown = await told(services, request, live, user, Delivered()) if live else None
    return Read(current_of(subscriber, user, services.now(), services.catalogue, shown))


HANDLERS = (
    create_subscription,
    get_current_plan,
)
