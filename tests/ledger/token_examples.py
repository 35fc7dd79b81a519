"""Builders of commands about Ann's tokens, and what of a history an award rests on."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import reduce
from typing import Any

from msgspec.structs import replace

from ledger.message import Recorded
from ledger.rewards import BY_HAND
from ledger.tokens.commands import (
    AwardTokens,
    ClawBackTokens,
    ConfirmAward,
    PenaliseTokens,
    RedeemTokens,
    ReinstateAward,
    RequestAward,
    RestoreTokens,
    SettleTokens,
    Terms,
    TokenCommand,
    award_id,
    claw_back_id,
    redemption_command_id,
    restore_id,
)
from ledger.tokens.decider import decide
from ledger.tokens.events import Part, TokenEvent, TokensAwarded, TokensClawedBack, TokensRedeemed
from ledger.tokens.following import Attempt, Source
from ledger.tokens.state import Tokens, evolve
from tests.ledger.examples import NOON

ANN = "usr_ann"
MIDNIGHT = datetime(2026, 3, 2, tzinfo=UTC)
HALF_A_DAY = timedelta(hours=12)


def terms(amount: int = 100, **changes: Any) -> Terms:
    fields: dict[str, Any] = {
        "parts": (Part("base", amount),),
        "expires_at": MIDNIGHT + timedelta(days=365),
        "tier": "pro",
        "cap": 500,
        "rules_version": "2026-03",
    }
    return Terms(**{**fields, **changes})


def award(amount: int = 100, source: str = "crs_1", *, days: float = 0, **changes: Any) -> AwardTokens:
    """So many days after noon on 1 March. What is no field of the command is one of its terms."""
    rule, attempt = changes.pop("rule", "course_completed"), changes.pop("attempt", 1)
    ours = {name: changes.pop(name) for name in ("follows", "cause_id") if name in changes}
    return AwardTokens(
        command_id=award_id(ANN, rule, source, attempt),
        effective_at=NOON + timedelta(days=days),
        user_id=ANN,
        rule=rule,
        source_ref=source,
        attempt=attempt,
        terms=terms(amount, **changes),
        **ours,
    )


def by_hand(amount: int, source: str = "thanks", *, days: float = 0, alone: int = 500) -> AwardTokens:
    plain = terms(parts=(), counted=False, cap=None, alone=alone)
    given = award(source=source, days=days, rule=BY_HAND)
    return replace(given, amount=amount, reason="For answers in the forum", terms=plain)


def claw_back(of: TokensAwarded, *, days: float = 0) -> ClawBackTokens:
    return ClawBackTokens(
        command_id=claw_back_id(of.user_id, of.rule, of.source_ref, of.attempt),
        effective_at=NOON + timedelta(days=days),
        user_id=of.user_id,
        rule=of.rule,
        source_ref=of.source_ref,
        attempt=of.attempt,
        award=of,
        cause="refunded",
        cause_id="re_1",
    )


def reinstate(of: TokensAwarded, *, days: float = 0, expired: int = 0) -> ReinstateAward:
    return ReinstateAward(
        command_id=award_id(of.user_id, of.rule, of.source_ref, of.attempt + 1),
        effective_at=NOON + timedelta(days=days),
        user_id=of.user_id,
        rule=of.rule,
        source_ref=of.source_ref,
        attempt=of.attempt + 1,
        award=of,
        expired=expired,
        grace_until=MIDNIGHT + timedelta(days=int(days) + 7),
    )


def penalise(amount: int, *, days: float = 0, penalty_id: str = "pen_1") -> PenaliseTokens:
    return PenaliseTokens(
        command_id=f"cmd_{penalty_id}",
        effective_at=NOON + timedelta(days=days),
        user_id=ANN,
        penalty_id=penalty_id,
        amount=amount,
        reason="Answers that were copied",
    )


def redeem(amount: int, number: int = 1, *, days: float = 0) -> RedeemTokens:
    return RedeemTokens(
        command_id=redemption_command_id(f"rdm_{number}"),
        effective_at=NOON + timedelta(days=days),
        user_id=ANN,
        redemption_id=f"rdm_{number}",
        reward_id="rwd_1",
        amount=amount,
    )


def restore(of: TokensRedeemed, *, days: float = 0) -> RestoreTokens:
    return RestoreTokens(
        command_id=restore_id(of.redemption_id),
        effective_at=NOON + timedelta(days=days),
        user_id=of.user_id,
        redemption_id=of.redemption_id,
        taken=of.taken,
        grace_until=MIDNIGHT + timedelta(days=int(days) + 7),
    )


def settle(*, days: float) -> SettleTokens:
    return SettleTokens(
        command_id=f"cmd_settle_{days}", effective_at=NOON + timedelta(days=days), user_id=ANN
    )


def request(amount: int, admin_id: str = "usr_root") -> RequestAward:
    return RequestAward(
        command_id="cmd_request",
        effective_at=NOON,
        user_id=ANN,
        request_id="awr_1",
        source_ref="thanks",
        amount=amount,
        reason="For a year of answers",
        admin_id=admin_id,
    )


def confirm(admin_id: str, request_id: str = "awr_1") -> ConfirmAward:
    return ConfirmAward(
        command_id=award_id(ANN, BY_HAND, "thanks", 1),
        effective_at=NOON,
        user_id=ANN,
        request_id=request_id,
        source_ref="thanks",
        attempt=1,
        admin_id=admin_id,
        terms=terms(parts=(), counted=False, cap=None, alone=500),
    )


def when(tokens: Tokens, *commands: TokenCommand) -> tuple[Tokens, tuple[TokenEvent, ...]]:
    """The tokens after all commands, and all that they recorded."""
    facts: list[TokenEvent] = []
    for command in commands:
        events = decide(command, tokens)
        tokens = reduce(evolve, events, tokens)
        facts += events
    return tokens, tuple(facts)


def after(*commands: TokenCommand) -> Tokens:
    return when(Tokens(), *commands)[0]


def last_attempt(source: Source, facts: Iterable[Recorded]) -> Attempt:
    """As the store tells it by the ids of commands."""
    by_command = {fact.command_id: fact.event for fact in facts}
    attempt = Attempt()
    while True:
        number = attempt.number + 1
        awarded, reversed_ = source.award_id(number), source.claw_back_id(number)
        found = [fact.event for fact in facts if fact.command_id in {awarded, reversed_}]
        won = next((one for one in found if isinstance(one, TokensAwarded)), None)
        if won is None or awarded not in by_command:
            return attempt
        lost = next((one for one in found if isinstance(one, TokensClawedBack)), None)
        attempt = Attempt(number, won, lost)
        if lost is None:
            return attempt
