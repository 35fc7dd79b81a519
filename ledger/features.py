"""Who may use what: one pure function of plan, status, seat and reward, of the time and the catalogue."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

import msgspec

from ledger.catalogue import FREE, Catalogue

GRACE = timedelta(days=7)
"""A subscription that is past due gives access this long after its first failed payment."""

Reason = Literal[
    "granted", "grace", "not_in_tier", "payment_overdue", "not_live", "unknown_feature", "reward", "seat"
]


class Access(msgspec.Struct, frozen=True):
    allowed: bool
    reason: Reason
    """Why so; `seat` when a licence gives it, or more of it than the plan has, and `reward` when tokens
    unlocked it; `payment_overdue` and `not_live` when the plan that was bought would have allowed it.
    """
    limit: int | None
    """How often or how many; None is without limit, and also when it is not allowed."""
    tier: str
    """The tier whose features count now."""
    per: str = ""
    """`month` for a limit that begins anew each calendar month (UTC)."""


def effective_tier(tier: str, status: str, now: datetime, past_due_since: datetime | None) -> str:
    """The tier that counts: the one that was bought while it is paid for, on trial or in grace, else free."""
    return tier if _plan_reason(status, now, past_due_since) in {"granted", "grace"} else FREE


def access(
    tier: str,
    status: str,
    now: datetime,
    past_due_since: datetime | None,
    catalogue: Catalogue,
    key: str,
    unlocked_until: datetime | None = None,
    *,
    seat: bool = False,
) -> Access:
    """What the plan allows, what a reward unlocked until its end, and what a `seat` of a licence gives: both
    without limit.

    `tier` and `status` are the subscription's; `free` and an empty status for a user without one.
    """
    if not any(key in one.features for one in catalogue.tiers.values()):
        return Access(allowed=False, reason="unknown_feature", limit=None, tier=FREE)
    plan_reason = _plan_reason(status, now, past_due_since)
    counts = tier if plan_reason in {"granted", "grace"} and tier in catalogue.tiers else FREE
    feature = catalogue.tiers[counts].features.get(key)
    is_unlocked = unlocked_until is not None and now < unlocked_until
    if (seat or is_unlocked) and (feature is None or feature.limit is not None):
        return Access(allowed=True, reason="seat" if seat else "reward", limit=None, tier=counts)
    if feature is not None:
        reason: Reason = "grace" if plan_reason == "grace" else "granted"
        return Access(allowed=True, reason=reason, limit=feature.limit, tier=counts, per=feature.per)
    bought = catalogue.tiers.get(tier)
    lost = counts != tier and bought is not None and key in bought.features
    reason = ("payment_overdue" if plan_reason == "overdue" else "not_live") if lost else "not_in_tier"
    return Access(allowed=False, reason=reason, limit=None, tier=counts)


def _plan_reason(
    status: str, now: datetime, past_due_since: datetime | None
) -> Literal["granted", "grace", "overdue", "none"]:
    match status:
        case "active" | "trialing":
            return "granted"
        case "past_due":
            in_grace = past_due_since is not None and now < past_due_since + GRACE
            return "grace" if in_grace else "overdue"
        case "unpaid":
            return "overdue"
        case _:
            return "none"
