"""What subscribing would charge, before it is done."""

from __future__ import annotations

from typing import Literal

import msgspec
from litestar import Response, post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from api.http.body import CurrencyCode
from api.http.problems import StripeUnavailable
from api.http.promises import responses
from api.services import Services
from api.subscriptions.billing import Call
from api.subscriptions.promotions import REFUSALS, PromotionCode, redeem
from api.subscriptions.routes import TAGS
from api.subscriptions.subscribing import Interval, PlanWanted, TierName, decided
from ledger.subscriptions.refusals import InvalidPrice, SubscriptionExists, TrialUsed, UnknownTier


class PreviewSubscription(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """As POST /api/subscriptions/create takes it, without a card."""

    tier: TierName
    interval: Interval = "month"
    currency: CurrencyCode = "usd"
    trial: bool = False
    promotion_code: PromotionCode | None = None


class FirstCharge(msgspec.Struct, frozen=True, kw_only=True):
    """In minor units, without tax. `discounted_minor` is what an interval costs as long as the discount
    lasts: for one invoice (`once`), for those of `discount_months`, or for all (`forever`).
    """

    tier: str
    interval: str
    currency: str
    price_minor: int
    discounted_minor: int
    charge_minor: int
    """Now; nothing on trial."""
    trial_days: int
    discount_duration: Literal["none", "once", "repeating", "forever"]
    discount_months: int | None


@post(
    "/api/subscriptions/create/preview",
    operation_id="previewSubscription",
    summary="What subscribing would charge",
    tags=TAGS,
    status_code=200,
    responses=responses(
        UnknownTier, InvalidPrice, SubscriptionExists, TrialUsed, StripeUnavailable, *REFUSALS
    ),
)
async def preview_subscription(
    data: JSONBody[PreviewSubscription], request: Call, services: NamedDependency[Services]
) -> Response[FirstCharge]:
    """Nothing is changed, and nothing of a promotion code is held. What the rules would refuse is refused
    here too.
    """
    wanted = PlanWanted(tier=data.tier, interval=data.interval, currency=data.currency, trial=data.trial)
    command = await decided(services, request.user.id, wanted, "preview")
    price, promotion = command.price_minor, None
    if data.promotion_code:
        promotion, price = await redeem(services, command, data.promotion_code)
    shown = FirstCharge(
        tier=command.tier,
        interval=command.interval,
        currency=command.currency,
        price_minor=command.price_minor,
        discounted_minor=price,
        charge_minor=0 if command.trial_days else price,
        trial_days=command.trial_days,
        discount_duration=promotion.duration if promotion else "none",
        discount_months=promotion.months if promotion else None,
    )
    return Response(shown, status_code=200)


HANDLERS = (preview_subscription,)
