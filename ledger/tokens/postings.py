"""The entries of tokens, in a unit of their own. Pure.

What is outstanding of a user is their balance less their debt: pending lots are posted when they mature.
"""

from __future__ import annotations

from ledger.balance import BalanceTransaction
from ledger.chart import TOK, TOKENS_EXPIRED, TOKENS_ISSUED, TOKENS_OUTSTANDING, TOKENS_REDEEMED, Account
from ledger.entries import Entries, Posting, party_legs
from ledger.message import Event
from ledger.tokens.events import (
    TokensAwarded,
    TokensClawedBack,
    TokensExpired,
    TokensMatured,
    TokensPenalised,
    TokensRedeemed,
    TokensRestored,
)


def postings(  # noqa: PLR0911 - one answer for each fact
    event: Event,
) -> tuple[Posting, ...]:
    match event:
        case TokensAwarded(pending_until=None) | TokensMatured():
            return _given(event.user_id, event.amount, TOKENS_ISSUED)
        case TokensExpired():
            return _given(event.user_id, -event.amount, TOKENS_EXPIRED)
        case TokensClawedBack():
            back = event.awarded - event.from_pending - event.expired
            return _given(event.user_id, -back, TOKENS_ISSUED)
        case TokensPenalised():
            return _given(event.user_id, -event.amount, TOKENS_ISSUED)
        case TokensRedeemed():
            return _given(event.user_id, -event.amount, TOKENS_REDEEMED)
        case TokensRestored():
            return _given(event.user_id, event.amount, TOKENS_REDEEMED)
        case _:
            return ()


def _given(user_id: str, amount: int, out_of: Account) -> tuple[Posting, ...]:
    """Below zero for what is taken. The debit comes first."""
    source, owned = (out_of, amount, ""), (TOKENS_OUTSTANDING, -amount, user_id)
    return party_legs(TOK, source, owned) if amount > 0 else party_legs(TOK, owned, source)


def balance_transaction(_event: Event) -> BalanceTransaction | None:
    return None


def source(_event: Event) -> str:
    return ""


ENTRIES = Entries(
    descriptions={
        TokensAwarded: "Tokens awarded",
        TokensMatured: "Tokens awarded, after the time in which the course can be refunded",
        TokensExpired: "Tokens expired",
        TokensClawedBack: "Tokens clawed back",
        TokensPenalised: "Tokens taken as a penalty",
        TokensRedeemed: "Tokens redeemed",
        TokensRestored: "Tokens of a redemption given back",
    },
    postings=postings,
    balance_transaction=balance_transaction,
    source=source,
)
