"""What somebody's tokens come to at a moment: by the rules themselves, so that readers have none."""

from __future__ import annotations

from datetime import datetime, timedelta

from api.tokens.resources import ExpiringTokens, PendingTokens, TokenBalance
from ledger.catalogue import Catalogue
from ledger.tokens.state import Tokens
from ledger.tokens.time import as_of

SOON = timedelta(days=30)


def balance_of(user_id: str, tokens: Tokens, now: datetime, tier: str, catalogue: Catalogue) -> TokenBalance:
    """`tokens` as they are recorded."""
    current, cap = as_of(tokens, user_id, now), catalogue.tiers[tier].token_cap
    used = current.usage.of_month(now)
    return TokenBalance(
        user_id=user_id,
        balance=current.balance,
        debt=current.debt,
        pending=current.pending_amount,
        maturing=[
            PendingTokens(pending_until=lot.matures_at, amount=lot.stretch.amount, source_ref=lot.source_ref)
            for lot in sorted(current.pending.values(), key=lambda one: one.matures_at)
        ],
        expiring=[
            ExpiringTokens(expires_at=strip.expires_at, amount=strip.left)
            for strip in current.strips
            if strip.expires_at is not None and strip.expires_at <= now + SOON and strip.left
        ],
        tier=tier,
        cap=cap,
        cap_used=used,
        cap_left=max(cap - used, 0),
    )
