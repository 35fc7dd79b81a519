"""Stripe's products and prices for the ledger's catalogue: made when they are first needed, found again by
lookup key. A price at Stripe never changes, so each amount has its own.
"""

from __future__ import annotations

import msgspec
import stripe

from api.stripe.billing.lookup import listed, post
from api.stripe.billing.objects import Price
from api.stripe.delivery import Tools
from api.stripe.objects import Named, UnexpectedAnswer
from ledger.catalogue import FREE, TIERS

_SEPARATOR = "-"
CORRECTS = "corrects_change"
"""In the metadata of an invoice's line: the change whose unused time it makes less, as money went back."""


class Plan(msgspec.Struct, frozen=True):
    """A tier at a price, which the ledger decided."""

    tier: str
    interval: str
    currency: str
    price_minor: int

    @property
    def lookup_key(self) -> str:
        return _SEPARATOR.join(("liberation", self.tier, self.interval, self.currency, str(self.price_minor)))


async def price_id(tools: Tools, plan: Plan) -> str:
    """The id of the price that costs what `plan` says. Raises `stripe.StripeError` or `UnexpectedAnswer`."""
    key = plan.lookup_key
    known = tools.prices.get(key)
    if known is None:
        found = await listed(tools.stripe, "/v1/prices", Price, lookup_keys=[key], active=True)
        price = found[0] if found else await _make(tools, plan)
        _check(price, plan)
        known = tools.prices[key] = price.id
    return known


def product_of(tier: str) -> str:
    return f"liberation_{tier}"


async def _make(tools: Tools, plan: Plan) -> Price:
    product_id = product_of(plan.tier)
    try:
        await post(
            tools.stripe,
            "/v1/products",
            Named,
            f"product:{plan.tier}",
            id=product_id,
            name=plan.tier.title(),
            metadata={"tier": plan.tier},
        )
    except stripe.InvalidRequestError as error:
        if error.code != "resource_already_exists":
            raise
    return await post(
        tools.stripe,
        "/v1/prices",
        Price,
        f"price:{plan.lookup_key}",
        product=product_id,
        currency=plan.currency,
        unit_amount=plan.price_minor,
        recurring={"interval": plan.interval},
        lookup_key=plan.lookup_key,
        # from one that an operator archived
        transfer_lookup_key=True,
        metadata={"tier": plan.tier},
    )


def _check(price: Price, plan: Plan) -> None:
    found = Plan(tier_of(price), interval_of(price), price.currency, price.unit_amount or 0)
    if found != plan:
        raise UnexpectedAnswer(
            f"Stripe's price {price.id} has the lookup key {plan.lookup_key} and is not what that says; "
            "take the key from it in Stripe's dashboard"
        )


def plan_of(price: Price) -> Plan:
    """Raises UnexpectedAnswer for a price that is none of ours."""
    return Plan(tier_of(price), interval_of(price), price.currency, price.unit_amount or 0)


def is_ours(price: Price) -> bool:
    """Whether we made it, as its lookup key says."""
    return bool(price.lookup_key) and str(price.lookup_key).startswith(f"liberation{_SEPARATOR}")


def named_tier(price: Price) -> str:
    """By its metadata, which an operator can set on a price made in the dashboard, or by our lookup key;
    empty when neither names a tier that is sold.
    """
    tier = price.metadata.get("tier", "")
    if not tier and price.lookup_key and price.lookup_key.count(_SEPARATOR):
        tier = price.lookup_key.split(_SEPARATOR)[1]
    return tier if tier in TIERS and tier != FREE else ""


def tier_of(price: Price) -> str:
    """The tier that it names. Raises UnexpectedAnswer for a price that names none."""
    tier = named_tier(price)
    if not tier:
        raise UnexpectedAnswer(
            f"Stripe's price {price.id} names no tier; set its metadata `tier` to one of {', '.join(TIERS)}"
        )
    return tier


def interval_of(price: Price) -> str:
    recurring = price.recurring
    interval = recurring.interval if recurring and recurring.interval_count == 1 else ""
    if interval not in ("month", "year"):
        raise UnexpectedAnswer(f"Stripe's price {price.id} is not billed by the month or the year")
    return interval
