"""What tokens are spent on: rewards as data, a part of the catalogue and of its version.

An operator's file replaces them as a whole; what was redeemed keeps the numbers that it was decided with.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Literal

import msgspec

Kind = Literal["feature_unlock", "premium_content", "merchandise", "donation"]
PREMIUM: Kind = "premium_content"
ONE_AT_A_TIME: frozenset[str] = frozenset({"feature_unlock", PREMIUM})
"""What a user has, or waits for, is not redeemed once more meanwhile."""

Cost = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
Count = Annotated[int, msgspec.Meta(ge=0, le=1_000_000_000)]
_COURSE = re.compile(r"crs_[0-9A-Za-z]+")
_ID = re.compile(r"[a-z][a-z0-9_]{0,49}")


class Reward(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    title: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    kind: Kind
    cost: Cost
    stock: Count | None = None
    """How often it is redeemed in all, what was cancelled left out; None is without limit. 0 ends it."""
    limit: Annotated[int, msgspec.Meta(ge=1)] | None = None
    """The same for one user."""
    feature: str = ""
    """What a `feature_unlock` unlocks, from when it is redeemed."""
    days: Annotated[int, msgspec.Meta(ge=0, le=3_650)] = 0
    """For how long."""
    course_id: Annotated[str, msgspec.Meta(max_length=200)] = ""
    """The course that a `premium_content` enrols in."""


Shelf = Mapping[str, Reward]
"""Rewards by their ids."""


def fault(shelf: Shelf, features: Iterable[str]) -> str:
    """What types cannot say, as a sentence; empty when all is well. `features` are those of all tiers."""
    known = frozenset(features)
    for reward_id, reward in shelf.items():
        where = f"`rewards.{reward_id:.80}`"
        if not _ID.fullmatch(reward_id):
            return f"{where}: write the name of a reward in lower case with underscores."
        if (reward.kind == "feature_unlock") != bool(reward.feature and reward.days):
            return f"{where}: `feature` and `days` belong to a feature_unlock, which needs both."
        if (reward.kind == PREMIUM) != bool(reward.course_id):
            return f"{where}: `course_id` belongs to a {PREMIUM}, which needs it."
        if reward.course_id and not _COURSE.fullmatch(reward.course_id):
            return f"{where}: `course_id` must be the id of a course, crs_ and letters and digits."
        if reward.feature and reward.feature not in known:
            return f"{where}: no tier has the feature {reward.feature!r:.80}."
    return ""


DEFAULT_SHELF: Shelf = {
    "friend_leaderboard_week": Reward(
        title="The leaderboard of friends for a week",
        kind="feature_unlock",
        cost=50,
        feature="friend_leaderboard",
        days=7,
    ),
    "offline_month": Reward(
        title="Courses offline for a month",
        kind="feature_unlock",
        cost=300,
        feature="offline_access",
        days=30,
    ),
    "sticker_set": Reward(
        title="A set of stickers by post", kind="merchandise", cost=200, stock=100, limit=1
    ),
    "plant_a_tree": Reward(title="A tree is planted", kind="donation", cost=100),
}
