"""Promotion codes of Stripe's that somebody subscribes with."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from api.http.guessing import guess
from api.http.problems import StripeUnavailable
from api.services import Services
from api.stripe.customers import customer
from api.stripe.gateway import Postponed
from api.words import PROMOTION_CODE
from ledger.subscriptions.commands import RequestSubscription
from ledger.subscriptions.promotions import Order, Promotion, redeemed
from ledger.subscriptions.refusals import (
    PromotionCodeNotForPlan,
    PromotionCodeNotForUser,
    PromotionCodeOver,
    PromotionCodeUnknown,
    PromotionCodeUsedUp,
)

PromotionCode = Annotated[
    str, Meta(pattern=PROMOTION_CODE, description="In either case.", examples=["SPRING-20"])
]
REFUSALS = (
    PromotionCodeUnknown,
    PromotionCodeOver,
    PromotionCodeUsedUp,
    PromotionCodeNotForPlan,
    PromotionCodeNotForUser,
)


async def redeem(services: Services, command: RequestSubscription, code: str) -> tuple[Promotion, int]:
    """What the code is, and what the plan's price comes to with it. Nothing is held by asking, and few codes
    that do not exist may be tried. Raises `REFUSALS`.
    """
    known = await customer(services.store, command.user_id)
    order = Order(
        tier=command.tier,
        currency=command.currency,
        price_minor=command.price_minor,
        customer_id=known.stripe_customer_id,
        at=services.now(),
    )
    with guess(services.coupon_guesses, command.user_id):
        try:
            found = await services.gateway.promotion(code)
        except Postponed:
            raise StripeUnavailable(
                "Stripe does not answer, and its promotion codes cannot be looked at; send it again."
            ) from None
        charged = redeemed(found, order)
    assert found is not None, "as was judged"
    return found, charged
