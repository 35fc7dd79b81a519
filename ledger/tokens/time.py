"""What time has done by a moment: lots that matured, and strips that expired. Pure.

Every decision records it first, so that it is decided on what is so at that moment, whether or not the worker
was there before; and who reads a balance reads it by the same function.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import reduce

from ledger.instants import clamped
from ledger.tokens.events import TokensExpired, TokensMatured
from ledger.tokens.state import Pending, Tokens, evolve
from ledger.tokens.strips import Strip

DueFact = TokensMatured | TokensExpired


def due(tokens: Tokens, user_id: str, at: datetime) -> tuple[DueFact, ...]:
    """In the order in which it came to be."""
    facts: list[DueFact] = []
    while (fact := _next(tokens, user_id, at)) is not None:
        facts.append(fact)
        tokens = evolve(tokens, fact)
    return tuple(facts)


def as_of(tokens: Tokens, user_id: str, at: datetime) -> Tokens:
    """How they stand at `at`, recorded or not."""
    return reduce(evolve, due(tokens, user_id, at), tokens)


def next_due(tokens: Tokens) -> datetime | None:
    """When time changes something the next time; None for never."""
    matures = [lot.matures_at for lot in tokens.pending.values()]
    expires = [strip.expires_at for strip in tokens.strips if strip.expires_at is not None and strip.left]
    return min((*matures, *expires), default=None)


def midnight_after(at: datetime) -> datetime:
    """The end of its day (UTC): all that expires does at one."""
    day = clamped(at).replace(hour=0, minute=0, second=0, microsecond=0)
    return day + timedelta(days=1)


def _next(tokens: Tokens, user_id: str, at: datetime) -> DueFact | None:
    """A lot that matures as its strip expires is there first, and expires with it."""
    lot = min(tokens.pending.items(), key=lambda one: (one[1].matures_at, one[0]), default=None)
    strip = next((strip for strip in tokens.strips if strip.left), None)
    if lot is not None and lot[1].matures_at <= at and (strip is None or lot[1].matures_at <= strip.ends):
        return _matured(tokens, user_id, *lot)
    if strip is not None and strip.expires_at is not None and strip.expires_at <= at:
        return _expired(user_id, strip, strip.expires_at)
    return None


def _matured(tokens: Tokens, user_id: str, lot_id: str, lot: Pending) -> TokensMatured:
    return TokensMatured(
        user_id=user_id,
        lot_id=lot_id,
        rule=lot.rule,
        source_ref=lot.source_ref,
        amount=lot.stretch.amount,
        repaid=min(lot.stretch.amount, tokens.debt),
        awarded_at=lot.awarded_at,
        matured_at=lot.matures_at,
    )


def _expired(user_id: str, strip: Strip, expires_at: datetime) -> TokensExpired:
    return TokensExpired(user_id=user_id, expires_at=expires_at, amount=strip.left)
