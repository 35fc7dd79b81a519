"""Rewards and redemptions as answers show them, and what bodies say of them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from api.words import NO_NUL
from ledger.redemptions.decider import REASON_MAX
from ledger.redemptions.state import Status
from ledger.shelf import Kind
from projections.redemptions import RedemptionRow


class NewRedemption(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """With `expected_cost` a cost that has changed since it was shown is refused."""

    reward_id: Annotated[
        str, Meta(min_length=1, max_length=50, pattern=NO_NUL, examples=["friend_leaderboard_week"])
    ]
    expected_cost: Annotated[int, Meta(ge=1, le=1_000_000, examples=[50])] | None = None


class Fulfilment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Nothing is to be said of it."""


class Cancellation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    reason: Annotated[
        str,
        Meta(
            max_length=REASON_MAX,
            pattern=NO_NUL,
            description="It is kept for ever, so it must not name anybody.",
            examples=["Lost in the post"],
        ),
    ]


class Offered(msgspec.Struct, frozen=True, kw_only=True):
    """A reward, as it is for the caller now."""

    reward_id: str
    title: str
    kind: Kind
    cost: int
    feature: str | None
    """What it unlocks, for `days` from when it is redeemed."""
    days: int | None
    course_id: str | None
    """Of the course that it enrols in."""
    left: int | None
    """Of the stock; null is without limit."""
    limit: int | None
    """For one user; null is without limit."""
    redeemed: int
    """By the caller, what was cancelled left out."""
    available: bool
    """Whether POST /api/tokens/redeem would be taken now."""
    reason: (
        Literal[
            "insufficient_tokens",
            "out_of_stock",
            "limit_reached",
            "still_unlocked",
            "already_in_plan",
            "redemption_in_progress",
            "own_course",
            "already_enrolled",
            "purchase_in_progress",
            "course_not_for_sale",
        ]
        | None
    )
    """Why it would not."""
    missing: int
    """Tokens that have yet to come in for it: what it costs and what is owed, less the balance. What comes in
    repays the debt first.
    """
    ends_at: datetime | None
    """Of what the caller has unlocked by it, while that runs: until then it is not unlocked once more."""


class Rewards(msgspec.Struct, frozen=True, kw_only=True):
    balance: int
    debt: int
    """Tokens that are owed. Balance and debt are never both above 0."""
    items: list[Offered]


class Redemption(msgspec.Struct, frozen=True, kw_only=True):
    """`held` until it is known whether the tokens are there, `waiting` for an admin to fulfil it, or for its
    course. `released`: the tokens were not there, so that none were taken. `cancelled`: they were taken, and
    are given back.
    """

    redemption_id: str
    reward_id: str
    user_id: str
    kind: str
    cost: int
    status: Status
    feature: str | None
    course_id: str | None
    """That it enrols in."""
    redeemed_at: datetime
    ends_at: datetime | None
    """Of what it unlocks."""
    reason: str | None
    """Why it was released or cancelled."""
    position: int


def redemption_of(row: RedemptionRow) -> Redemption:
    shown: dict[str, Any] = {name: getattr(row, name) for name in Redemption.__struct_fields__}
    unsaid = {name: None for name in ("feature", "course_id", "reason") if not shown[name]}
    return Redemption(**(shown | unsaid))
