"""What is for sale."""

from __future__ import annotations

from typing import Literal

import msgspec
from litestar import get
from litestar.di import NamedDependency

from api.http.responses import NOT_MODIFIED_SPEC, Read
from api.services import Services
from ledger.catalogue import TIERS, Catalogue, Tier


class Price(msgspec.Struct, frozen=True, kw_only=True):
    """For one interval, in minor units."""

    currency: str
    interval: Literal["month", "year"]
    amount_minor: int


class PlanFeature(msgspec.Struct, frozen=True, kw_only=True):
    """`limit` null is without limit; `per` `month` begins anew each calendar month (UTC)."""

    feature: str
    limit: int | None
    per: Literal["", "month"]


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    tier: str
    prices: list[Price]
    """None for free."""
    trial_days: int
    """Of a first subscription, for who asks for it."""
    features: list[PlanFeature]
    """All of them, also those that lower tiers have."""
    token_cap: int
    """Tokens from activity in a month at most."""
    instructor_share_bp: int
    """Of a sale's net, in basis points."""


class Plans(msgspec.Struct, frozen=True, kw_only=True):
    """From least to most. `version` is the catalogue's, which every fact keeps that was decided with it."""

    version: str
    items: list[Plan]


@get(
    "/api/plans",
    operation_id="listPlans",
    summary="Plans, prices and features",
    tags=["subscriptions"],
    responses=NOT_MODIFIED_SPEC,
)
async def list_plans(services: NamedDependency[Services]) -> Read[Plans]:
    """What can be bought, and what comes with it."""
    return Read(plans_of(services.catalogue))


def plans_of(catalogue: Catalogue) -> Plans:
    items = [_plan(name, catalogue.tiers[name]) for name in TIERS]
    return Plans(version=catalogue.version, items=items)


def _plan(name: str, tier: Tier) -> Plan:
    return Plan(
        tier=name,
        prices=[
            Price(currency=currency, interval=interval, amount_minor=amount)
            for currency, prices in tier.prices.items()
            for interval, amount in prices.items()
        ],
        trial_days=tier.trial_days,
        features=[
            PlanFeature(feature=key, limit=feature.limit, per=feature.per)
            for key, feature in tier.features.items()
        ],
        token_cap=tier.token_cap,
        instructor_share_bp=tier.instructor_share_bp,
    )


HANDLERS = (list_plans,)
