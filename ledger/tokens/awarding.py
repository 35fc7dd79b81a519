"""Giving tokens: by a rule, by hand, and again when what took them back came to nothing."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from ledger.errors import NotFound
from ledger.rewards import BY_HAND
from ledger.tokens.commands import (
    AwardTokens,
    ConfirmAward,
    ReinstateAward,
    RequestAward,
    Terms,
    award_id,
    lot_id_of,
)
from ledger.tokens.events import AwardRequested, Part, TokenEvent, TokensAwarded
from ledger.tokens.refusals import (
    CapReached,
    DailyLimitReached,
    InvalidTokens,
    SameAdmin,
    SecondAdminNeeded,
    TooManyRequests,
)
from ledger.tokens.state import Tokens
from ledger.tokens.strips import following
from ledger.visible import is_visible

AMOUNT_MAX = 1_000_000
REASON_MAX = 500
REQUESTS_MAX = 20
"""Of one user that wait for a second administrator."""

_Events = tuple[TokenEvent, ...]


class _Award(Struct, frozen=True, kw_only=True):
    """What is awarded, whoever asked for it."""

    user_id: str
    rule: str
    source_ref: str
    attempt: int
    at: datetime
    parts: tuple[Part, ...]
    terms: Terms
    reason: str = ""
    cause_id: str = ""
    request_id: str = ""
    follows: bool = False


def award(command: AwardTokens, tokens: Tokens) -> _Events:
    terms, at = command.terms, command.effective_at
    _check_id(command)
    if not command.follows:
        _check_amount_of(command)
    if terms.alone is not None:
        check_given(command.amount, command.reason)
        given = tokens.usage.of_day(at, command.rule)
        if given + command.amount > terms.alone:
            raise SecondAdminNeeded(
                f"{terms.alone} tokens a day are given to a user by hand without a second administrator, "
                f"and {given} were today."
            )
    asked = _Award(
        user_id=command.user_id,
        rule=command.rule,
        source_ref=command.source_ref,
        attempt=command.attempt,
        at=at,
        parts=terms.parts or (Part("base", command.amount),),
        terms=terms,
        reason=command.reason,
        cause_id=command.cause_id,
        follows=command.follows,
    )
    return (_awarded(asked, tokens),)


def request(command: RequestAward, tokens: Tokens) -> _Events:
    check_given(command.amount, command.reason)
    if len(tokens.requests) >= REQUESTS_MAX:
        raise TooManyRequests(f"{REQUESTS_MAX} awards of this user wait for a second administrator already.")
    requested = AwardRequested(
        user_id=command.user_id,
        request_id=command.request_id,
        source_ref=command.source_ref,
        amount=command.amount,
        reason=command.reason,
        requested_by=command.admin_id,
        requested_at=command.effective_at,
    )
    return (requested,)


def confirm(command: ConfirmAward, tokens: Tokens) -> _Events:
    asked = tokens.requests.get(command.request_id)
    if asked is None or asked.source_ref != command.source_ref:
        raise NotFound("No such award of this user waits for a second administrator.")
    if asked.requested_by == command.admin_id:
        raise SameAdmin("You asked for this award, so another administrator must confirm it.")
    if command.user_id == command.admin_id:
        raise SameAdmin("This award is for you, so another administrator must confirm it.")
    _check_id(command)
    confirmed = _Award(
        user_id=command.user_id,
        rule=BY_HAND,
        source_ref=asked.source_ref,
        attempt=command.attempt,
        at=command.effective_at,
        parts=(Part("base", asked.amount),),
        terms=command.terms,
        reason=asked.reason,
        request_id=asked.request_id,
    )
    return (_awarded(confirmed, tokens),)


def reinstate(command: ReinstateAward, tokens: Tokens) -> _Events:
    """As it was, but for what had expired; it uses up no limit, as the first one did."""
    was, at = command.award, tokens.moment_of(command.effective_at)
    _check_id(command)
    amount = was.amount + was.expired - command.expired
    is_over = was.stretch.expires_at is not None and was.stretch.expires_at <= at
    pending = amount > 0 and was.pending_until is not None and was.pending_until > at
    expires_at = command.grace_until if is_over else was.stretch.expires_at
    again = TokensAwarded(
        user_id=command.user_id,
        rule=command.rule,
        source_ref=command.source_ref,
        attempt=command.attempt,
        lot_id=lot_id_of(command.user_id, command.rule, command.source_ref, command.attempt),
        asked=was.asked,
        amount=amount,
        parts=was.parts,
        awarded_at=was.awarded_at,
        stretch=following(tokens.strips, amount, expires_at),
        pending_until=was.pending_until if pending else None,
        repaid=0 if pending else min(amount, tokens.debt),
        counted=False,
        tier=was.tier,
        cap=was.cap,
        a_day=was.a_day,
        rules_version=was.rules_version,
        reason=was.reason,
        cause_id=was.cause_id,
        reinstates=was.lot_id,
        expired=command.expired,
    )
    return (again,)


def check_given(amount: int, reason: str) -> None:
    """Of what is given or taken by hand. Raises `InvalidTokens`."""
    _check_amount(amount)
    if not is_visible(reason) or len(reason) > REASON_MAX or "\0" in reason:
        raise InvalidTokens(f"`reason` must have from 1 to {REASON_MAX} characters to be seen, and no NUL.")


def _check_amount(amount: int) -> None:
    if not 1 <= amount <= AMOUNT_MAX:
        raise InvalidTokens(f"`amount` must be from 1 to {AMOUNT_MAX}; it was {amount}.")


def _check_amount_of(command: AwardTokens) -> None:
    """It is the rule's, or where that has none, the sender's."""
    if not command.terms.parts:
        _check_amount(command.amount)
    elif command.amount:
        raise InvalidTokens(f"The rule {command.rule} has an amount of its own: leave `amount` out.")


def _check_id(command: AwardTokens | ConfirmAward | ReinstateAward) -> None:
    """That a source is awarded once for each attempt rests on it."""
    rule = BY_HAND if isinstance(command, ConfirmAward) else command.rule
    assert command.command_id == award_id(command.user_id, rule, command.source_ref, command.attempt)


def _awarded(asked: _Award, tokens: Tokens) -> TokensAwarded:
    terms, wanted = asked.terms, sum(part.amount for part in asked.parts)
    at = tokens.usage.moment_of(asked.at)
    amount = _granted(asked, wanted, tokens)
    pending = amount > 0 and terms.pending_until is not None and terms.pending_until > at
    return TokensAwarded(
        user_id=asked.user_id,
        rule=asked.rule,
        source_ref=asked.source_ref,
        attempt=asked.attempt,
        lot_id=lot_id_of(asked.user_id, asked.rule, asked.source_ref, asked.attempt),
        asked=wanted,
        amount=amount,
        parts=asked.parts,
        awarded_at=at,
        stretch=following(tokens.strips, amount, terms.expires_at),
        pending_until=terms.pending_until if pending else None,
        repaid=0 if pending else min(amount, tokens.debt),
        counted=terms.counted,
        tier=terms.tier,
        cap=terms.cap,
        a_day=terms.a_day,
        rules_version=terms.rules_version,
        reason=asked.reason,
        cause_id=asked.cause_id,
        request_id=asked.request_id,
    )


def _granted(asked: _Award, wanted: int, tokens: Tokens) -> int:
    """What the limits leave of it. Raises `CapReached` or `DailyLimitReached` where that is nothing."""
    terms, usage = asked.terms, tokens.usage
    month, day = usage.of_month(asked.at), usage.of_day(asked.at, asked.rule)
    has_cap = terms.counted and terms.cap is not None
    left_of_month = max((terms.cap or 0) - month, 0) if has_cap else wanted
    left_of_day = wanted if terms.a_day is None else max(terms.a_day - day, 0)
    granted = min(wanted, left_of_month, left_of_day)
    if granted or asked.follows or not wanted:
        return granted
    if not left_of_month:
        raise CapReached(
            f"The tier {terms.tier} earns {terms.cap} tokens by activity in a month (UTC), of which {month} "
            "are earned."
        )
    raise DailyLimitReached(
        f"{asked.rule} gives a user {terms.a_day} tokens on a day (UTC), and {day} were given."
    )
