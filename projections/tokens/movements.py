"""What each fact moves of a user's tokens, as it says itself."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from msgspec import Struct

from ledger.message import Event, Recorded
from ledger.tokens.events import (
    Stretch,
    TokensAwarded,
    TokensClawedBack,
    TokensExpired,
    TokensMatured,
    TokensPenalised,
    TokensRedeemed,
    TokensRestored,
)
from projections.tokens.tables import Kind

Moved = Iterator[tuple[datetime | None, int]]


class Movement(Struct, frozen=True, kw_only=True):
    kind: Kind
    asked: int
    happened_at: datetime
    change: int = 0
    debt_change: int = 0
    pending_change: int = 0
    rule: str = ""
    source_ref: str = ""
    reference: str = ""
    reason: str = ""


def movement_of(recorded: Recorded) -> Movement | None:  # noqa: PLR0911 - one answer for each fact
    """None for a fact that moves nothing."""
    event, at = recorded.event, recorded.metadata.effective_at
    match event:
        case TokensAwarded():
            return _awarded(event, at)
        case TokensMatured():
            return Movement(
                kind="matured",
                asked=event.amount,
                happened_at=event.matured_at,
                change=event.amount - event.repaid,
                debt_change=-event.repaid,
                pending_change=-event.amount,
                rule=event.rule,
                source_ref=event.source_ref,
                reference=event.lot_id,
            )
        case TokensExpired():
            return Movement(
                kind="expired", asked=event.amount, happened_at=event.expires_at, change=-event.amount
            )
        case TokensClawedBack():
            return _clawed_back(event, at)
        case TokensPenalised():
            return Movement(
                kind="penalised",
                asked=event.amount,
                happened_at=at,
                change=event.owed - event.amount,
                debt_change=event.owed,
                reference=event.penalty_id,
                reason=event.reason,
            )
        case TokensRedeemed():
            return Movement(
                kind="redeemed",
                asked=event.amount,
                happened_at=at,
                change=-event.amount,
                source_ref=event.reward_id,
                reference=event.redemption_id,
            )
        case TokensRestored():
            return Movement(
                kind="restored",
                asked=event.amount,
                happened_at=at,
                change=event.amount - event.repaid,
                debt_change=-event.repaid,
                reference=event.redemption_id,
            )
        case _:
            return None


def _awarded(event: TokensAwarded, at: datetime) -> Movement:
    pending = event.pending_until is not None
    return Movement(
        kind="awarded",
        asked=event.asked,
        happened_at=at,
        change=0 if pending else event.amount - event.repaid,
        debt_change=-event.repaid,
        pending_change=event.amount if pending else 0,
        rule=event.rule,
        source_ref=event.source_ref,
        reference=event.lot_id,
        reason=event.reason,
    )


def _clawed_back(event: TokensClawedBack, at: datetime) -> Movement:
    return Movement(
        kind="clawed_back",
        asked=event.awarded,
        happened_at=at,
        change=-event.from_lot - _total(event.taken),
        debt_change=event.owed,
        pending_change=-event.from_pending,
        rule=event.rule,
        source_ref=event.source_ref,
        reference=event.lot_id,
        reason=event.cause,
    )


def strips_moved(event: Event) -> Moved:
    """When what expires of which there is so much more, or less. A pending lot is on no strip yet, and its
    maturing does not say on which it is: that is with its award.
    """
    match event:
        case TokensAwarded(pending_until=None):
            yield event.stretch.expires_at, event.amount - event.repaid
        case TokensExpired():
            yield event.expires_at, -event.amount
        case TokensClawedBack():
            yield event.stretch.expires_at, -event.from_lot
            yield from _each(event.taken, -1)
        case TokensPenalised() | TokensRedeemed():
            yield from _each(event.taken, -1)
        case TokensRestored():
            yield from _each(event.given_back, 1)
            if event.regranted is not None:
                yield event.regranted.expires_at, event.regranted.amount
        case _:
            return


def _each(stretches: tuple[Stretch, ...], sign: int) -> Moved:
    for stretch in stretches:
        yield stretch.expires_at, sign * stretch.amount


def _total(stretches: tuple[Stretch, ...]) -> int:
    return sum(stretch.amount for stretch in stretches)
