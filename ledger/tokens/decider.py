"""The rules of one user's tokens: awarded, expired, clawed back and spent, one decision after another.

The balance is never below zero, nor is the debt, and never are both above it.
"""

from __future__ import annotations

from functools import reduce
from typing import assert_never, get_args

from ledger.errors import NotFound
from ledger.message import Decider
from ledger.tokens import awarding, taking
from ledger.tokens.commands import (
    AwardTokens,
    ClawBackTokens,
    ConfirmAward,
    DeclineAward,
    PenaliseTokens,
    RedeemTokens,
    ReinstateAward,
    RequestAward,
    RestoreTokens,
    SettleTokens,
    TokenCommand,
)
from ledger.tokens.events import AwardDeclined, TokenEvent
from ledger.tokens.state import Tokens, evolve
from ledger.tokens.stream import stream_of
from ledger.tokens.time import due

_Events = tuple[TokenEvent, ...]


def decide(command: TokenCommand, tokens: Tokens) -> _Events:
    """What time has done comes first, so that expiry, spending and claw-back are one decision."""
    by_time = due(tokens, command.user_id, command.effective_at)
    return *by_time, *_decide(command, reduce(evolve, by_time, tokens))


def _decide(command: TokenCommand, tokens: Tokens) -> _Events:  # noqa: C901, PLR0911 - one answer for each command
    match command:
        case AwardTokens():
            return awarding.award(command, tokens)
        case ReinstateAward():
            return awarding.reinstate(command, tokens)
        case RequestAward():
            return awarding.request(command, tokens)
        case ConfirmAward():
            return awarding.confirm(command, tokens)
        case DeclineAward():
            return _decline(command, tokens)
        case ClawBackTokens():
            return taking.claw_back(command, tokens)
        case PenaliseTokens():
            return taking.penalise(command, tokens)
        case RedeemTokens():
            return taking.redeem(command, tokens)
        case RestoreTokens():
            return taking.restore(command, tokens)
        case SettleTokens():
            return ()
        case _:
            assert_never(command)


def _decline(command: DeclineAward, tokens: Tokens) -> _Events:
    if command.request_id not in tokens.requests:
        raise NotFound("No such award of this user waits for a second administrator.")
    return (AwardDeclined(user_id=command.user_id, request_id=command.request_id),)


def stream(command: TokenCommand) -> str:
    return stream_of(command.user_id)


TOKENS: Decider[TokenCommand, Tokens, TokenEvent] = Decider(
    stream=stream,
    decide=decide,
    evolve=evolve,
    initial=Tokens(),
    commands=get_args(TokenCommand),
    events=get_args(TokenEvent),
)
