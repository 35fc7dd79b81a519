"""What organisations buy licences of: tiers as data, a part of the catalogue and of its version.

An operator's file replaces them as a whole; what was quoted or issued keeps the numbers of its day.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Literal

import msgspec

from ledger import money

CUSTOM = "custom"
"""Not of the catalogue: an administrator gives its numbers."""
Metric = Literal["active_users", "courses_created", "api_calls", "storage"]
METRICS: tuple[Metric, ...] = ("active_users", "courses_created", "api_calls", "storage")
"""Storage is in bytes; the others are counted by calendar month (UTC)."""

Count = Annotated[int, msgspec.Meta(ge=0, le=10**15)]
Price = Annotated[int, msgspec.Meta(gt=0, le=10**12)]
OVERAGE_MAX_MINOR = 10**12
"""Of one metric in a month. Who has a licence's key says what is used, and a slip of theirs must not make an
invoice that no table holds.
"""
LEASE_MINUTES = 10
LEASE_MAX_MINUTES = 1440
_MONTHS_A_YEAR = 12
_NAME = re.compile(r"[a-z][a-z0-9_]{0,49}")


class Allowance(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How much of one metric is granted."""

    metric: str
    limit: int | None = None
    """None is without limit."""
    soft: bool = False
    """What is beyond the limit is let through and billed."""
    overage_minor: int = 0
    """For each `per` units that are begun beyond a soft limit, in the grant's currency."""
    per: int = 1

    def overage(self, used: int) -> int:
        """What `used` units of it cost beyond the price, at most `OVERAGE_MAX_MINOR`."""
        if self.limit is None or not self.soft or used <= self.limit:
            return 0
        return min(-(-(used - self.limit) // max(self.per, 1)) * self.overage_minor, OVERAGE_MAX_MINOR)


class Grant(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All numbers of a tier, or those that an administrator gave."""

    tier: str
    currency: str
    year_minor: int
    """The price of a year without tax; 0 for one that is given."""
    grace_days: int
    seats: int | None = None
    """None is without limit."""
    floating: bool = False
    """A seat is a lease that frees itself; else it is named, and lasts until it is freed."""
    lease_minutes: int = LEASE_MINUTES
    """How long a floating seat lasts without a heartbeat."""
    transfers: int | None = None
    """How many named seats may be freed in a calendar month (UTC); None is without limit."""
    features: tuple[str, ...] = ()
    allowances: tuple[Allowance, ...] = ()
    """A metric that is not among them is not granted."""
    catalogue_version: str = ""
    """Empty where it is not the catalogue's."""

    def price_minor(self, months: int) -> int:
        """Of a term, without tax."""
        return money.round_to_step(self.year_minor * months, _MONTHS_A_YEAR, self.currency)

    def allowance(self, metric: str) -> Allowance | None:
        return next((one for one in self.allowances if one.metric == metric), None)


class Limit(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    limit: Count | None = None
    """None is without limit."""
    overage: Mapping[str, Price] = {}
    """By currency, for each `per` units begun beyond the limit: with it that is soft, else hard."""
    per: Annotated[int, msgspec.Meta(ge=1, le=10**15)] = 1


class LicenceTier(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    prices: Mapping[str, Price]
    """Of a year by currency, without tax. A file may write the currency in either case."""
    seats: Annotated[int, msgspec.Meta(ge=1, le=10**15)] | None = None
    """None is without limit."""
    floating: bool = False
    """Seats are leases of `lease_minutes`; else they are named."""
    lease_minutes: Annotated[int, msgspec.Meta(ge=1, le=LEASE_MAX_MINUTES)] = LEASE_MINUTES
    transfers: Count | None = None
    """Of named seats, freed by who has them or by managers, in a calendar month; None is without limit."""
    features: tuple[str, ...] = ()
    """All of them: a higher tier repeats what the lower ones have."""
    limits: Mapping[Metric, Limit] = {}
    """A metric that is not said is not granted."""
    grace_days: Annotated[int, msgspec.Meta(ge=0, le=366)] = 14
    """How long it goes on working after its term."""


Tiers = Mapping[str, LicenceTier]
"""By name, from least to most."""


def grant(tiers: Tiers, name: str, currency: str, version: str) -> Grant | None:
    """None for a tier that is not sold, or not in this currency."""
    tier = tiers.get(name)
    price = tier.prices.get(currency) if tier else None
    if tier is None or price is None:
        return None
    return Grant(
        tier=name,
        currency=currency,
        year_minor=price,
        grace_days=tier.grace_days,
        seats=tier.seats,
        floating=tier.floating,
        lease_minutes=tier.lease_minutes,
        transfers=tier.transfers,
        features=tier.features,
        allowances=tuple(_allowance(metric, limit, currency) for metric, limit in tier.limits.items()),
        catalogue_version=version,
    )


def _allowance(metric: str, limit: Limit, currency: str) -> Allowance:
    price = limit.overage.get(currency, 0)
    return Allowance(metric=metric, limit=limit.limit, soft=bool(price), overage_minor=price, per=limit.per)


def fault(tiers: Tiers, features: Iterable[str]) -> str:
    """What types cannot say, as a sentence; empty when all is well. `features` are those of all plans."""
    known = frozenset(features)
    for name, tier in tiers.items():
        where = f"`licence_tiers.{name:.80}`"
        if not _NAME.fullmatch(name) or name == CUSTOM:
            return f"{where}: write the name of a tier in lower case with underscores, and not {CUSTOM!r}."
        if wrong := _fault(tier, known):
            return f"{where}: {wrong}"
    return ""


def _fault(tier: LicenceTier, known: frozenset[str]) -> str:
    if not tier.prices:
        return "`prices` must have one at least."
    if len(set(tier.features)) < len(tier.features):
        return "`features` has one twice."
    if wrong := next((one for one in tier.features if one not in known), ""):
        return f"no plan has the feature {wrong!r:.80}."
    currencies = {*tier.prices, *(one for limit in tier.limits.values() for one in limit.overage)}
    if unknown := sorted(one for one in currencies if not money.is_currency(one)):
        return f"{unknown[0]!r:.20} is no ISO 4217 code such as 'usd'."
    if wrong := next(filter(None, _step_faults(tier)), ""):
        return wrong
    faults = (_limit_fault(metric, limit, tier) for metric, limit in tier.limits.items())
    return next(filter(None, faults), "")


def _step_faults(tier: LicenceTier) -> Iterator[str]:
    """What no card could pay."""
    priced = {"prices": tier.prices} | {
        f"limits.{metric}.overage": limit.overage for metric, limit in tier.limits.items()
    }
    for where, prices in priced.items():
        for currency, price in prices.items():
            if price % money.step_minor(currency):
                written = money.format_minor(price, currency)
                yield f"`{where}.{currency}` {money.step_fault(price, currency)}; it is {written}."


def _limit_fault(metric: str, limit: Limit, tier: LicenceTier) -> str:
    if limit.overage and limit.limit is None:
        return f"`limits.{metric}` is without limit, so that nothing is beyond it: leave `overage` out."
    if limit.overage and set(limit.overage) != set(tier.prices):
        return f"`limits.{metric}.overage` must have the currencies of `prices`."
    return ""


def lowered(tiers: Tiers) -> dict[str, LicenceTier]:
    """With currencies in lower case. Raises `ValueError`, with the place, where that makes one of two."""
    return {name: _lowered(name, tier) for name, tier in tiers.items()}


def _lowered(name: str, tier: LicenceTier) -> LicenceTier:
    limits: dict[Metric, Limit] = {
        metric: msgspec.structs.replace(
            limit, overage=_in_lower_case(f"licence_tiers.{name}.limits.{metric}.overage", limit.overage)
        )
        for metric, limit in tier.limits.items()
    }
    prices = _in_lower_case(f"licence_tiers.{name}.prices", tier.prices)
    return msgspec.structs.replace(tier, prices=prices, limits=limits)


def _in_lower_case(where: str, prices: Mapping[str, Price]) -> dict[str, Price]:
    found = {currency.lower(): price for currency, price in prices.items()}
    if len(found) < len(prices):
        raise ValueError(where)
    return found


_GIB = 2**30
_STARTER = (
    "view_courses",
    "global_leaderboard",
    "token_rewards",
    "upload_courses",
    "sell_courses",
    "offline_access",
    "certificates",
    "advanced_progress_tracking",
    "friend_leaderboard",
    "priority_support",
    "live_chat",
    "class_leaderboard",
    "user_management",
    "api_access",
)
"""What a plan for one user has, and what organisations need."""
_PROFESSIONAL = (*_STARTER, "white_label", "custom_branding", "sso_integration", "audit_logs")
_ENTERPRISE = (*_PROFESSIONAL, "phone_support", "dedicated_support")

DEFAULT_TIERS: Tiers = {
    "starter": LicenceTier(
        prices={"usd": 99_000},
        seats=100,
        features=_STARTER,
        limits={
            "active_users": Limit(limit=100),
            "courses_created": Limit(limit=10),
            "api_calls": Limit(limit=10_000),
            "storage": Limit(limit=100 * _GIB),
        },
        grace_days=7,
    ),
    "professional": LicenceTier(
        prices={"usd": 490_000},
        seats=500,
        features=_PROFESSIONAL,
        limits={
            "active_users": Limit(limit=500),
            "courses_created": Limit(limit=100),
            "api_calls": Limit(limit=100_000, overage={"usd": 100}, per=1_000),
            "storage": Limit(limit=1_000 * _GIB, overage={"usd": 10}, per=_GIB),
        },
        grace_days=14,
    ),
    "enterprise": LicenceTier(
        prices={"usd": 1_990_000},
        features=_ENTERPRISE,
        limits={metric: Limit() for metric in METRICS},
        grace_days=30,
    ),
}
