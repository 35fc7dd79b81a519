"""What a fact adds to a score: tokens that are earned, less those of awards that were reversed.

Spending, expiry and penalties change nothing of it. What is pending is no score until it matures.
"""

from __future__ import annotations

from ledger.message import Event
from ledger.tokens.events import TokensAwarded, TokensClawedBack, TokensMatured

ScoreFact = TokensAwarded | TokensMatured | TokensClawedBack
SCORE_FACTS: frozenset[type[Event]] = frozenset({TokensAwarded, TokensMatured, TokensClawedBack})


def gained(event: ScoreFact) -> int:
    """In the windows of `event.awarded_at`; below zero for a clawback, which takes back all of its award."""
    match event:
        case TokensAwarded():
            return 0 if event.pending_until is not None else event.amount + event.expired
        case TokensMatured():
            return event.amount
        case TokensClawedBack():
            return event.from_pending - event.awarded
