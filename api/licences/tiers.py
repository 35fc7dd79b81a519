"""What organisations can buy."""

from __future__ import annotations

import msgspec
from litestar import get
from litestar.di import NamedDependency

from api.http.responses import NOT_MODIFIED_SPEC, Read
from api.services import Services
from ledger.catalogue import Catalogue
from ledger.licence_tiers import LicenceTier, Limit


class TierPrice(msgspec.Struct, frozen=True, kw_only=True):
    """Of a year, in minor units, without tax."""

    currency: str
    year_minor: int


class OveragePrice(msgspec.Struct, frozen=True, kw_only=True):
    """For each `per` units that are begun beyond the limit, in minor units, without tax."""

    currency: str
    amount_minor: int


class TierLimit(msgspec.Struct, frozen=True, kw_only=True):
    """Of a calendar month (UTC); of storage, in bytes, at any moment. `limit` null is without limit."""

    metric: str
    limit: int | None
    per: int
    overage: list[OveragePrice]
    """What is beyond the limit is let through in these currencies, and invoiced; in others it is refused."""


class LicenceTierOffered(msgspec.Struct, frozen=True, kw_only=True):
    tier: str
    prices: list[TierPrice]
    seats: int | None
    """Null is without limit."""
    floating: bool
    """Seats are leases of `lease_minutes` without a heartbeat; else they are named."""
    lease_minutes: int
    transfers: int | None
    """How many named seats can be freed in a calendar month (UTC); null is without limit."""
    features: list[str]
    limits: list[TierLimit]
    """What is not among them is not granted."""
    grace_days: int
    """How long it goes on working after its term."""


class LicenceTiers(msgspec.Struct, frozen=True, kw_only=True):
    """From least to most. `version` is the catalogue's, which every fact keeps that was decided with it."""

    version: str
    items: list[LicenceTierOffered]


@get(
    "/api/enterprise/tiers",
    operation_id="listLicenceTiers",
    summary="Tiers of licences, prices and limits",
    tags=["licences"],
    responses=NOT_MODIFIED_SPEC,
)
async def list_licence_tiers(services: NamedDependency[Services]) -> Read[LicenceTiers]:
    """What can be bought. The tier `custom` is not among them: an admin gives its numbers."""
    return Read(tiers_of(services.catalogue))


def tiers_of(catalogue: Catalogue) -> LicenceTiers:
    items = [_offered(name, tier) for name, tier in catalogue.licence_tiers.items()]
    return LicenceTiers(version=catalogue.version, items=items)


def _offered(name: str, tier: LicenceTier) -> LicenceTierOffered:
    return LicenceTierOffered(
        tier=name,
        prices=[TierPrice(currency=currency, year_minor=price) for currency, price in tier.prices.items()],
        seats=tier.seats,
        floating=tier.floating,
        lease_minutes=tier.lease_minutes,
        transfers=tier.transfers,
        features=list(tier.features),
        limits=[_limit(metric, limit) for metric, limit in tier.limits.items()],
        grace_days=tier.grace_days,
    )


def _limit(metric: str, limit: Limit) -> TierLimit:
    return TierLimit(
        metric=metric,
        limit=limit.limit,
        per=limit.per,
        overage=[OveragePrice(currency=one, amount_minor=price) for one, price in limit.overage.items()],
    )


HANDLERS = (list_licence_tiers,)
