"""The awards that other domains' facts ask for. Pure: who delivers an effect sends them.

Whether a source is awarded now is told by its last attempt: the award's command and its reversal's have ids
that are made of it, and what neither of them recorded did not happen.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec import Struct

from ledger.catalogue import FREE, Catalogue
from ledger.effects import FollowCompletion
from ledger.enrolments.learning.events import EnrolmentCompleted
from ledger.enrolments.state import Enrolment
from ledger.payments.decider import REFUND_WINDOW
from ledger.rewards import BY_HAND, COMPLETED, Rule, TokenRules
from ledger.tokens.commands import (
    AwardTokens,
    ClawBackTokens,
    ReinstateAward,
    Terms,
    award_id,
    claw_back_id,
)
from ledger.tokens.events import Part, TokensAwarded, TokensClawedBack
from ledger.tokens.time import midnight_after

_MINUTE_S = 60
_WHOLE_BP = 10_000


class Source(Struct, frozen=True):
    """What an award is for."""

    user_id: str
    rule: str
    source_ref: str

    def award_id(self, attempt: int) -> str:
        return award_id(self.user_id, self.rule, self.source_ref, attempt)

    def claw_back_id(self, attempt: int) -> str:
        return claw_back_id(self.user_id, self.rule, self.source_ref, attempt)


class Attempt(Struct, frozen=True):
    """The last one at awarding a source; the 0th where there was none."""

    number: int = 0
    award: TokensAwarded | None = None
    reversal: TokensClawedBack | None = None

    @property
    def stands(self) -> bool:
        """Whether the source is awarded now."""
        return self.award is not None and self.reversal is None


class Award(Struct, frozen=True, kw_only=True):
    """What a fact asks to be awarded."""

    source: Source
    parts: tuple[Part, ...]
    pending_until: datetime | None = None
    cause_id: str = ""


class Now(Struct, frozen=True):
    """What an award is decided with beside its source."""

    at: datetime
    tier: str
    """Of the user."""
    catalogue: Catalogue


def terms_of(
    rule: str, now: Now, parts: tuple[Part, ...] = (), pending_until: datetime | None = None
) -> Terms:
    """By the rules as they are now; of them the amount, too, where there are no `parts`. Raises `KeyError`
    for a rule that they do not have.
    """
    rules, tiers = now.catalogue.tokens, now.catalogue.tiers
    known = rules.rules[rule]
    tier = now.tier if now.tier in tiers else FREE
    by_rule = (Part("base", known.amount),) if known.amount else ()
    return Terms(
        parts=parts or by_rule,
        expires_at=_expiry(known, max(pending_until or now.at, now.at)),
        pending_until=pending_until,
        counted=known.counts,
        tier=tier,
        cap=tiers[tier].token_cap if known.counts else None,
        a_day=known.a_day,
        alone=rules.by_hand_alone if rule == BY_HAND else None,
        rules_version=now.catalogue.version,
    )


def _expiry(rule: Rule, usable_from: datetime) -> datetime | None:
    if not rule.expires_after_days:
        return None
    return midnight_after(usable_from + timedelta(days=rule.expires_after_days))


def grace_until(at: datetime, catalogue: Catalogue) -> datetime:
    return midnight_after(at + timedelta(days=catalogue.tokens.grace_days))


def awarded(award: Award, attempt: Attempt, now: Now) -> AwardTokens | None:
    """None where it stands, or the rules award no such thing."""
    source, number = award.source, attempt.number + 1
    rule = now.catalogue.tokens.rules.get(source.rule)
    if attempt.stands or rule is None or not (award.parts or rule.amount):
        return None
    return AwardTokens(
        command_id=source.award_id(number),
        effective_at=now.at,
        user_id=source.user_id,
        rule=source.rule,
        source_ref=source.source_ref,
        attempt=number,
        terms=terms_of(source.rule, now, award.parts, award.pending_until),
        cause_id=award.cause_id,
        follows=True,
    )


# --------------------------------------------------------------------------------------------- completions


def completion_source(course_id: str, learner_id: str) -> Source:
    return Source(learner_id, COMPLETED, course_id)


def completion_followed(
    effect: FollowCompletion, enrolment: Enrolment, attempt: Attempt, now: Now
) -> AwardTokens | ReinstateAward | ClawBackTokens | None:
    """What makes a course's tokens what the enrolment asks for as it stands; None when they are.

    They are pending as long as its payment can be refunded.
    """
    source = completion_source(effect.course_id, effect.learner_id)
    progress, was = enrolment.learning.of(enrolment.enrolment_id), attempt.award
    completed = progress.completed if enrolment.is_live else None
    if completed is None:
        return _clawed_back(effect, source, attempt, now.at)
    if was is not None and attempt.reversal is not None and was.cause_id == completed.enrolment_id:
        return _reinstated(source, attempt.number + 1, was, attempt.reversal, now)
    if not (parts := _parts(completed, now.catalogue.tokens)):
        return None  # by the rules of today; what was awarded by others stays
    begun_at = progress.begun_at or completed.completed_at
    wanted = Award(
        source=source,
        parts=parts,
        pending_until=begun_at + REFUND_WINDOW if enrolment.payment_id else None,
        cause_id=completed.enrolment_id,
    )
    return awarded(wanted, attempt, now)


def _parts(completed: EnrolmentCompleted, rules: TokenRules) -> tuple[Part, ...]:
    base = rules.rules[COMPLETED].amount
    level = rules.level_bonus.get(completed.level, 0)
    speed = rules.speed_bonus if _is_fast(completed, rules.speed_below_bp) else 0
    parts = (Part("base", base), Part("level", level), Part("speed", speed))
    return tuple(part for part in parts if part.amount)


def _is_fast(completed: EnrolmentCompleted, below_bp: int) -> bool:
    """In less than that part of what its author estimates, and yet in as long as its items take."""
    if completed.elapsed_s is None or not completed.plausible:
        return False
    return completed.elapsed_s * _WHOLE_BP < completed.estimated_minutes * _MINUTE_S * below_bp


def _clawed_back(
    effect: FollowCompletion, source: Source, attempt: Attempt, at: datetime
) -> ClawBackTokens | None:
    """Of what was awarded for an enrolment; a service's own award stays."""
    award = attempt.award
    if award is None or not attempt.stands or not award.cause_id:
        return None
    return ClawBackTokens(
        command_id=source.claw_back_id(attempt.number),
        effective_at=at,
        user_id=source.user_id,
        rule=source.rule,
        source_ref=source.source_ref,
        attempt=attempt.number,
        award=award,
        cause=effect.cause or "access_lost",
        cause_id=effect.cause_id,
    )


def _reinstated(
    source: Source, number: int, was: TokensAwarded, reversal: TokensClawedBack, now: Now
) -> ReinstateAward:
    return ReinstateAward(
        command_id=source.award_id(number),
        effective_at=now.at,
        user_id=source.user_id,
        rule=source.rule,
        source_ref=source.source_ref,
        attempt=number,
        award=was,
        expired=reversal.expired,
        grace_until=grace_until(now.at, now.catalogue),
    )
