"""What a user's plan lets them do: the question, and the guard of the routes that need a feature.

The rules are `ledger.features`; here is where their facts come from: the user's subscription as the ledger
has it now, the clock, the catalogue, and what was used up of a limit.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any, ClassVar, Literal

import msgspec
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from api.http.access import ACCESS, operation_of
from api.http.problems import ApiError, Problem, Unauthenticated
from api.services import Services
from api.subscriptions.seats import SEAT_GIVES
from api.subscriptions.unlocks import UNLOCKED_UNTIL
from ledger import features
from ledger.catalogue import FREE, Catalogue, rank
from ledger.store import Store
from ledger.subscriptions.decider import SUBSCRIBER
from ledger.subscriptions.state import UNANSWERED, Subscriber
from ledger.subscriptions.stream import stream_of

Reason = Literal[
    "granted",
    "grace",
    "not_in_tier",
    "payment_overdue",
    "not_live",
    "unknown_feature",
    "limit_reached",
    "reward",
    "seat",
]
Count = Callable[[Services, str, datetime], Awaitable[int]]
"""How much of a feature a user has used up at a time: in that calendar month, or in all."""

COUNTS: dict[str, Count] = {}
"""By feature. Whoever counts something of it puts it here; without one a limit is told and not enforced."""

_HINTS: Mapping[str, str] = {
    "payment_overdue": "Your subscription is overdue: pay its open invoice or change the card.",
    "not_live": "Your subscription is not active: resume it, or subscribe anew.",
}


class Entitlement(msgspec.Struct, frozen=True, kw_only=True):
    """`used` is null where nothing is counted, `limit` where there is none. `plans` are those that would
    allow it, or allow more of it.
    """

    feature: str
    allowed: bool
    reason: Reason
    tier: str
    """Whose features count now; `free` also when the plan that was bought does not count."""
    limit: int | None
    per: Literal["", "month"]
    """`month`: the count begins anew each calendar month (UTC)."""
    used: int | None
    plans: list[str]


class FeatureProblem(Problem, kw_only=True):
    feature: str
    reason: Reason
    plans: list[str]


class FeatureMissing(ApiError):
    """The caller's plan does not allow it."""

    code: ClassVar[str] = "feature_missing"
    remedy: ClassVar[str] = "Read `reason`; one of `plans` has the feature, or more of it."
    passing: ClassVar[bool] = True

    def __init__(self, entitlement: Entitlement) -> None:
        super().__init__(_detail(entitlement))
        self.entitlement = entitlement

    def as_problem(self, common: Problem) -> Problem:
        missing = self.entitlement
        return FeatureProblem(
            **msgspec.structs.asdict(common),
            feature=missing.feature,
            reason=missing.reason,
            plans=missing.plans,
        )


def _detail(missing: Entitlement) -> str:
    begin = f"This needs the feature {missing.feature}."
    if (hint := _HINTS.get(missing.reason)) is not None:
        return f"{begin} {hint}"
    if missing.reason == "limit_reached":
        when = " this month" if missing.per == "month" else ""
        begin = f"You have used {missing.used} of {missing.limit} of {missing.feature}{when}."
    return f"{begin} {_where(missing.plans)}"


def _where(plans: list[str]) -> str:
    return f"It comes with the plan {' or '.join(plans)}." if plans else "No plan has more of it."


async def subscriber_of(store: Store, user_id: str) -> Subscriber:
    """All of a user's subscriptions as they are now, whatever the projections have seen."""
    return await store.state(SUBSCRIBER, stream_of(user_id))


def standing(subscriber: Subscriber) -> tuple[str, str, datetime | None]:
    """Tier, status and since when it is past due; what counts is the one that is live. Until Stripe has begun
    it, as while its page is open, nothing was bought that could be lost.
    """
    live = subscriber.live
    if live is None or live.status in UNANSWERED:
        return FREE, "", None
    return live.tier, live.status, live.past_due_since


async def tier_of(services: Services, user_id: str) -> str:
    """Whose terms count now: the tier that was bought while it is paid for, else free."""
    return await tier_at(services.store, user_id, services.now(), services.catalogue)


async def tier_at(store: Store, user_id: str, now: datetime, catalogue: Catalogue) -> str:
    """The same, where no service runs."""
    tier, status, past_due_since = standing(await subscriber_of(store, user_id))
    counts = features.effective_tier(tier, status, now, past_due_since)
    return counts if counts in catalogue.tiers else FREE


async def entitlement(services: Services, user_id: str, feature: str) -> Entitlement:
    """What `user_id` may do now; an unknown feature is one that nobody has."""
    found = await plan_of(services, user_id, feature)
    count = COUNTS.get(feature)
    if not found.allowed or count is None:
        return found
    used = await count(services, user_id, services.now())
    if found.limit is None or used < found.limit:
        return msgspec.structs.replace(found, used=used)
    more = _plans(services.catalogue, feature, above=found.limit)
    return msgspec.structs.replace(found, allowed=False, reason="limit_reached", used=used, plans=more)


async def plan_of(services: Services, user_id: str, feature: str) -> Entitlement:
    """What the plan of `user_id`, their seats and the rewards that they redeemed say of it now, whatever is
    used up.
    """
    subscriber, now = await subscriber_of(services.store, user_id), services.now()
    found = entitlement_of(subscriber, feature, now, services.catalogue)
    if (found.allowed and found.limit is None) or found.reason == "unknown_feature":
        return found
    until = await services.point_reads.ask(UNLOCKED_UNTIL, (user_id, feature))
    seat = await services.point_reads.ask(SEAT_GIVES, (user_id, feature, now))
    return entitlement_of(subscriber, feature, now, services.catalogue, until, seat=seat)


def entitlement_of(
    subscriber: Subscriber,
    feature: str,
    now: datetime,
    catalogue: Catalogue,
    unlocked_until: datetime | None = None,
    *,
    seat: bool = False,
) -> Entitlement:
    tier, status, past_due_since = standing(subscriber)
    access = features.access(tier, status, now, past_due_since, catalogue, feature, unlocked_until, seat=seat)
    return Entitlement(
        feature=feature,
        allowed=access.allowed,
        reason=access.reason,
        tier=access.tier,
        limit=access.limit,
        per="month" if access.per else "",
        used=None,
        plans=_plans(catalogue, feature),
    )


def _plans(catalogue: Catalogue, feature: str, above: int = -1) -> list[str]:
    """Names of plans, from least to most; with a limit above `above`."""
    found = {
        name: tier.features[feature].limit
        for name, tier in catalogue.tiers.items()
        if feature in tier.features
    }
    return sorted((name for name, limit in found.items() if limit is None or limit > above), key=rank)


async def require(services: Services, user_id: str, feature: str) -> Entitlement:
    """Raises `FeatureMissing` unless the user's plan has it. What is left of a limit is not asked: that is
    for the decision which counts, as it is exact however many ask at once, and knows a repeat.
    """
    found = await plan_of(services, user_id, feature)
    if not found.allowed:
        raise FeatureMissing(found)
    return found


async def feature_guard(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Runs after the guard of roles: a route's row in the table names the feature that it needs."""
    access = ACCESS.get(operation_of(handler))
    if access is None or not access.feature or connection.scope.get("method") == "OPTIONS":
        return
    principal = connection.scope.get("user")
    if principal is None:
        raise Unauthenticated("This needs a credential: send `Authorization: Bearer <credential>`.")
    await require(connection.app.state.services, principal.id, access.feature)
