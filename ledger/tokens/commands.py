"""What can be asked of a user's tokens.

An award's command has one id for a user, a rule, a source and an attempt, whoever sends it, so that the store
itself sees to it that each is awarded once; so has its reversal, which is what the next attempt needs.
"""

from __future__ import annotations

from typing import ClassVar

from msgspec import Struct

from ledger.ids import derived_id
from ledger.message import Command, Instant
from ledger.tokens.events import Part, Stretch, TokensAwarded


class Terms(Struct, frozen=True, kw_only=True):
    """The numbers of an award, as the rules have them now."""

    parts: tuple[Part, ...] = ()
    """Of an award by hand, empty."""
    expires_at: Instant | None = None
    """Midnight, UTC."""
    pending_until: Instant | None = None
    counted: bool = True
    tier: str = ""
    cap: int | None = None
    a_day: int | None = None
    alone: int | None = None
    """What one administrator gives on a day; None where nobody gives it by hand."""
    rules_version: str = ""


class AwardTokens(Command, frozen=True, kw_only=True):
    """Has the id `award_id`."""

    NAME: ClassVar[str] = "tokens.award"
    GENERATED: ClassVar[frozenset[str]] = frozenset({"terms", "cause_id", "follows"})
    user_id: str
    rule: str
    source_ref: str
    attempt: int = 1
    amount: int = 0
    """Of one by hand; 0 for what the terms say."""
    reason: str = ""
    terms: Terms
    cause_id: str = ""
    follows: bool = False
    """From a fact of this ledger: where nothing is left of a limit, that is recorded instead of refused."""


class ReinstateAward(Command, frozen=True, kw_only=True):
    """What had it reversed came to nothing. Has the id `award_id` as well, of the next attempt."""

    NAME: ClassVar[str] = "tokens.reinstate"
    GENERATED: ClassVar[frozenset[str]] = frozenset({"award", "expired", "grace_until"})
    user_id: str
    rule: str
    source_ref: str
    attempt: int
    award: TokensAwarded
    """As it was."""
    expired: int = 0
    """What of it had expired before it was reversed."""
    grace_until: Instant
    """When it expires where it would have by now."""


class ClawBackTokens(Command, frozen=True, kw_only=True):
    """Reverse an award. Has the id `claw_back_id`."""

    NAME: ClassVar[str] = "tokens.claw_back"
    GENERATED: ClassVar[frozenset[str]] = frozenset({"award", "cause", "cause_id"})
    user_id: str
    rule: str
    source_ref: str
    attempt: int
    award: TokensAwarded
    """As it was recorded."""
    cause: str
    cause_id: str = ""


class RequestAward(Command, frozen=True, kw_only=True):
    """By hand, for a second administrator to confirm."""

    NAME: ClassVar[str] = "tokens.request_award"
    user_id: str
    request_id: str
    source_ref: str
    amount: int
    reason: str
    admin_id: str


class ConfirmAward(Command, frozen=True, kw_only=True):
    """Has the id `award_id`, as it is one."""

    NAME: ClassVar[str] = "tokens.confirm_award"
    GENERATED: ClassVar[frozenset[str]] = frozenset({"terms"})
    user_id: str
    request_id: str
    source_ref: str
    attempt: int
    admin_id: str
    terms: Terms


class DeclineAward(Command, frozen=True, kw_only=True):
    """By any administrator, who asked for it included."""

    NAME: ClassVar[str] = "tokens.decline_award"
    user_id: str
    request_id: str


class PenaliseTokens(Command, frozen=True, kw_only=True):
    NAME: ClassVar[str] = "tokens.penalise"
    user_id: str
    penalty_id: str
    amount: int
    reason: str


class RedeemTokens(Command, frozen=True, kw_only=True):
    """Has the id `redemption_command_id`."""

    NAME: ClassVar[str] = "tokens.redeem"
    user_id: str
    redemption_id: str
    reward_id: str
    amount: int


class RestoreTokens(Command, frozen=True, kw_only=True):
    """Reverse a redemption, once. Has the id `restore_id`."""

    NAME: ClassVar[str] = "tokens.restore"
    GENERATED: ClassVar[frozenset[str]] = frozenset({"taken", "grace_until"})
    user_id: str
    redemption_id: str
    taken: tuple[Stretch, ...]
    """As the redemption recorded it."""
    grace_until: Instant


class SettleTokens(Command, frozen=True, kw_only=True):
    """Record what has matured and expired by now."""

    NAME: ClassVar[str] = "tokens.settle"
    user_id: str


TokenCommand = (
    AwardTokens
    | ReinstateAward
    | ClawBackTokens
    | RequestAward
    | ConfirmAward
    | DeclineAward
    | PenaliseTokens
    | RedeemTokens
    | RestoreTokens
    | SettleTokens
)


def lot_id_of(user_id: str, rule: str, source_ref: str, attempt: int) -> str:
    return derived_id("tok", user_id, rule, source_ref, str(attempt))


def award_id(user_id: str, rule: str, source_ref: str, attempt: int) -> str:
    """Of the command that awards it: one of each is recorded."""
    return f"award_tokens:{lot_id_of(user_id, rule, source_ref, attempt)}"


def claw_back_id(user_id: str, rule: str, source_ref: str, attempt: int) -> str:
    return f"claw_back_tokens:{lot_id_of(user_id, rule, source_ref, attempt)}"


def redemption_command_id(redemption_id: str) -> str:
    return f"redeem_tokens:{redemption_id}"


def restore_id(redemption_id: str) -> str:
    return f"restore_tokens:{redemption_id}"
