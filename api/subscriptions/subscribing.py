"""What subscribing asks of the rules, whichever way the first period is paid."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from api.http.body import CurrencyCode
from api.payments import cards
from api.services import Services, origin_of
from api.subscriptions import trial_cards
from api.subscriptions.billing import Call, price_of
from api.subscriptions.entitlements import subscriber_of
from api.subscriptions.promotions import redeem
from ledger.hosted import HostedPage
from ledger.subscriptions.commands import RequestSubscription
from ledger.subscriptions.decider import SUBSCRIBER

TierName = Annotated[Literal["free", "pro", "enterprise"], Meta(description="GET /api/plans lists them.")]
Interval = Literal["month", "year"]
CARD_TO_BE = "pm_to_be"
"""In a preview's command, which is never recorded."""


class PlanWanted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The price is the catalogue's. `trial` asks for the free days of the plan, once for each user."""

    tier: TierName
    interval: Interval = "month"
    currency: CurrencyCode = "usd"
    trial: bool = False


async def subscription_request(
    services: Services,
    request: Call,
    body: PlanWanted,
    command_id: str,
    *,
    card: str = "",
    page: HostedPage | None = None,
    promotion_code: str = "",
) -> RequestSubscription:
    """Refused, if it must be, before Stripe is asked for a customer."""
    user_id = request.user.id
    command = await decided(services, user_id, body, command_id, card=card, page=page)
    if promotion_code:
        found, _ = await redeem(services, command, promotion_code)
        command = msgspec.structs.replace(command, promotion_code_id=found.promotion_code_id)
    if command.trial_days:
        await trial_cards.claim(services, user_id, command.subscription_id, card)
    customer_id = await cards.customer_id(services, user_id, origin_of(request))
    return msgspec.structs.replace(command, stripe_customer_id=customer_id)


async def decided(
    services: Services,
    user_id: str,
    body: PlanWanted,
    command_id: str,
    *,
    card: str = CARD_TO_BE,
    page: HostedPage | None = None,
) -> RequestSubscription:
    """The command, but for whose customer it is. Raises what the rules refuse."""
    currency = body.currency.lower()
    price = price_of(services.catalogue, body.tier, body.interval, currency)
    command = RequestSubscription(
        command_id=command_id,
        effective_at=services.now(),
        subscription_id=services.id_of("sub", command_id),
        user_id=user_id,
        tier=body.tier,
        interval=body.interval,
        currency=currency,
        price_minor=price,
        catalogue_version=services.catalogue.version,
        payment_method_id=card,
        stripe_customer_id="cus_to_be",
        trial_days=services.catalogue.tiers[body.tier].trial_days if body.trial else 0,
        page=page,
    )
    SUBSCRIBER.decide(command, await subscriber_of(services.store, user_id))
    return command
