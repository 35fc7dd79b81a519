"""Tokens as answers show them, and what bodies say of them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from api.words import NO_NUL, USER
from ledger.rewards import BY_HAND
from ledger.tokens.awarding import AMOUNT_MAX, REASON_MAX
from projections.tokens.tables import Kind, TokenMovementRow, TokenRequestRow

Whose = Annotated[str, Meta(pattern=USER, examples=["usr_ann"])]
Amount = Annotated[int, Meta(ge=1, le=AMOUNT_MAX, description="Whole tokens.", examples=[50])]
Reason = Annotated[
    str,
    Meta(
        max_length=REASON_MAX,
        pattern=NO_NUL,
        description="It is kept for ever, so it must not name anybody.",
        examples=["For answers in the forum"],
    ),
]


class NewTokenAward(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """By hand, with `amount` and `reason`, or by another of the rules, which says how much it is."""

    user_id: Whose
    rule: Annotated[str, Meta(min_length=1, max_length=50, pattern=NO_NUL)] = BY_HAND
    source_ref: Annotated[str, Meta(max_length=200, pattern=NO_NUL)] = ""
    """What it is for, of which a rule makes one award until that is reversed. By hand it may be left out."""
    amount: Amount | None = None
    """Only for a rule that does not say it."""
    reason: Reason = ""


class NewTokenPenalty(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    user_id: Whose
    amount: Amount
    reason: Reason


class OfAwardRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An empty object: the address says it all."""


class AwardPart(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    """`base`, or a bonus."""
    amount: int


class TokenAward(msgspec.Struct, frozen=True, kw_only=True):
    """`granted` is what the month's cap and the day's limit left of what was `asked`."""

    user_id: str
    status: Literal["granted", "pending", "waiting"]
    """`waiting` for a second administrator: nothing is granted yet."""
    rule: str
    source_ref: str
    asked: int
    granted: int
    parts: list[AwardPart]
    """What was asked, as the rules have it."""
    lot_id: str | None
    """Null while it waits."""
    request_id: str | None
    """Of one that waits, or waited."""
    waits_for: str | None
    """Whom, and why, in words."""
    confirm: str | None
    """Where another administrator confirms it, by POST."""
    pending_until: datetime | None
    expires_at: datetime | None
    """Null for never, and while it waits."""
    repaid: int
    """What of it went to the debt."""


class TokenPenalty(msgspec.Struct, frozen=True, kw_only=True):
    penalty_id: str
    user_id: str
    amount: int
    taken: int
    owed: int
    """What the balance did not have: later awards repay it first."""
    balance: int
    debt: int


class ExpiringTokens(msgspec.Struct, frozen=True, kw_only=True):
    expires_at: datetime
    amount: int


class PendingTokens(msgspec.Struct, frozen=True, kw_only=True):
    pending_until: datetime
    amount: int
    source_ref: str


class TokenBalance(msgspec.Struct, frozen=True, kw_only=True):
    """As it is now: what has expired or matured counts at once, recorded or not."""

    user_id: str
    balance: int
    """What can be spent."""
    debt: int
    """What was taken back and was not there; one of the two is 0."""
    pending: int
    """No part of the balance yet."""
    maturing: list[PendingTokens]
    expiring: list[ExpiringTokens]
    """In the next 30 days."""
    tier: str
    cap: int
    """What the tier earns by activity in a month (UTC)."""
    cap_used: int
    cap_left: int


class Streak(msgspec.Struct, frozen=True, kw_only=True):
    """Days in a row, by the user's own clock, on which something was learnt."""

    user_id: str
    current: int
    longest: int
    today: date
    """In the user's zone."""
    today_counts: bool
    """Whether something was learnt today already."""
    today_ends_at: datetime
    """Until then it can count for today."""
    kept_until: datetime | None
    """Without any activity the streak ends then; null when there is none."""
    time_zone: str


class TokenMovement(msgspec.Struct, frozen=True, kw_only=True):
    """`change`, `debt_change` and `pending_change` led to `balance`, `debt` and `pending`."""

    position: int
    kind: Kind
    rule: str | None
    source_ref: str | None
    reference: str | None
    """The lot, the redemption or the penalty."""
    asked: int
    """Of an award before its limits: where it is more than was granted, the month's cap or the rule's limit
    for a day took the rest. Else what it is about.
    """
    change: int
    debt_change: int
    pending_change: int
    balance: int
    debt: int
    pending: int
    reason: str | None
    happened_at: datetime


class AwardRequest(msgspec.Struct, frozen=True, kw_only=True):
    request_id: str
    user_id: str
    source_ref: str
    amount: int
    reason: str
    requested_by: str
    requested_at: datetime
    status: Literal["waiting", "confirmed", "declined"]
    position: int


def movement_of(row: TokenMovementRow) -> TokenMovement:
    return TokenMovement(
        position=row.position,
        kind=row.kind,
        rule=row.rule or None,
        source_ref=row.source_ref or None,
        reference=row.reference or None,
        asked=row.asked,
        change=row.change,
        debt_change=row.debt_change,
        pending_change=row.pending_change,
        balance=row.balance,
        debt=row.debt,
        pending=row.pending,
        reason=row.reason or None,
        happened_at=row.happened_at,
    )


def request_of(row: TokenRequestRow) -> AwardRequest:
    return AwardRequest(**{name: getattr(row, name) for name in AwardRequest.__struct_fields__})
