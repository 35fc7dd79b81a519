"""Taking tokens: what was awarded for nothing in the end, penalties, and what is spent and given back."""

from __future__ import annotations

from msgspec.structs import replace

from ledger.tokens.awarding import check_given
from ledger.tokens.commands import (
    ClawBackTokens,
    PenaliseTokens,
    RedeemTokens,
    RestoreTokens,
    claw_back_id,
    redemption_command_id,
    restore_id,
)
from ledger.tokens.events import (
    Stretch,
    TokenEvent,
    TokensClawedBack,
    TokensPenalised,
    TokensRedeemed,
    TokensRestored,
)
from ledger.tokens.refusals import InsufficientTokens, InvalidTokens
from ledger.tokens.state import Tokens, evolve
from ledger.tokens.strips import find, following, split_at, taken_first, total

_Events = tuple[TokenEvent, ...]


def claw_back(command: ClawBackTokens, tokens: Tokens) -> _Events:
    """From its own lot first, then in the order of expiry; what is missing is debt. What of it had expired
    unspent is not asked back, nor is anything when its strip ended so long ago that it is forgotten.
    """
    award = command.award
    assert command.command_id == claw_back_id(
        command.user_id, command.rule, command.source_ref, command.attempt
    )
    reversed_ = TokensClawedBack(
        user_id=command.user_id,
        rule=command.rule,
        source_ref=command.source_ref,
        attempt=command.attempt,
        lot_id=award.lot_id,
        awarded=award.amount + award.expired,
        awarded_at=award.awarded_at,
        stretch=award.stretch,
        cause=command.cause,
        cause_id=command.cause_id,
    )
    if award.lot_id in tokens.pending:
        return (replace(reversed_, from_pending=award.amount),)
    from_lot, expired = _unspent(award.stretch, tokens)
    own = replace(reversed_, from_lot=from_lot, expired=expired + award.expired)
    missing = award.amount - from_lot - expired
    taken = taken_first(evolve(tokens, own).strips, missing)
    return (replace(own, taken=taken, owed=missing - total(taken)),)


def _unspent(lot: Stretch, tokens: Tokens) -> tuple[int, int]:
    """What is left of a lot, and what of it had expired unspent: one of them is 0."""
    end = lot.begins + lot.amount
    if (strip := find(tokens.strips, lot.expires_at)) is not None:
        return total(strip.free(lot.begins, end)), 0
    strip = find(tokens.past, lot.expires_at)
    return 0, lot.amount if strip is None else total(strip.free(lot.begins, end))


def penalise(command: PenaliseTokens, tokens: Tokens) -> _Events:
    check_given(command.amount, command.reason)
    taken = taken_first(tokens.strips, command.amount)
    penalised = TokensPenalised(
        user_id=command.user_id,
        penalty_id=command.penalty_id,
        amount=command.amount,
        taken=taken,
        owed=command.amount - total(taken),
        reason=command.reason,
    )
    return (penalised,)


def redeem(command: RedeemTokens, tokens: Tokens) -> _Events:
    assert command.command_id == redemption_command_id(command.redemption_id)
    if command.amount < 1:
        raise InvalidTokens(f"`amount` must be at least 1; it was {command.amount}.")
    if command.amount > tokens.balance:
        raise InsufficientTokens(
            f"The balance is {tokens.balance}, which is less than {command.amount}; "
            f"{tokens.pending_amount} more are pending."
        )
    redeemed = TokensRedeemed(
        user_id=command.user_id,
        redemption_id=command.redemption_id,
        reward_id=command.reward_id,
        amount=command.amount,
        taken=taken_first(tokens.strips, command.amount),
    )
    return (redeemed,)


def restore(command: RestoreTokens, tokens: Tokens) -> _Events:
    """The same tokens with the expiry that they had; those that expired meanwhile are good for some days
    more, and are the first to go to the debt.
    """
    assert command.command_id == restore_id(command.redemption_id)
    at = tokens.moment_of(command.effective_at)
    over = tuple(one for one in command.taken if one.expires_at is not None and one.expires_at <= at)
    good = tuple(one for one in command.taken if one not in over)
    amount = total(command.taken)
    repaid = min(amount, tokens.debt)
    _, over = split_at(over, repaid)
    _, good = split_at(good, max(repaid - (amount - total(good)), 0))
    anew = total(over)
    restored = TokensRestored(
        user_id=command.user_id,
        redemption_id=command.redemption_id,
        amount=amount,
        repaid=repaid,
        given_back=good,
        regranted=following(tokens.strips, anew, command.grace_until) if anew else None,
        restored_at=at,
    )
    return (restored,)
