"""What is remembered of a user's tokens to decide on them. `evolve` takes any history and never fails.

It grows with the days on which something expires and with what is pending, and not with the awards: a lot
that is clawed back comes with the command, out of the fact that awarded it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import assert_never

from msgspec import Struct
from msgspec.structs import replace

from ledger.instants import clamped
from ledger.message import Instant
from ledger.persistent import PersistentMap
from ledger.tokens.events import (
    AwardDeclined,
    AwardRequested,
    Stretch,
    TokenEvent,
    TokensAwarded,
    TokensClawedBack,
    TokensExpired,
    TokensMatured,
    TokensPenalised,
    TokensRedeemed,
    TokensRestored,
)
from ledger.tokens.strips import REMEMBERED, Strip, Strips, ended, find, put, split_at, total


class Pending(Struct, frozen=True, gc=False):
    """A lot that is not balance yet."""

    stretch: Stretch
    matures_at: Instant
    rule: str
    source_ref: str
    awarded_at: Instant


class Usage(Struct, frozen=True):
    """How much of the limits is used up: in the month and on the day (UTC) of the newest award."""

    newest_at: Instant | None = None
    """No award is older than the one before it, whatever the clocks say that its command comes from."""
    counted: int = 0
    """In its month."""
    by_rule: PersistentMap[int] = PersistentMap()
    """On its day."""

    def moment_of(self, at: datetime) -> datetime:
        """When something is awarded at `at`."""
        return at if self.newest_at is None else max(at, self.newest_at)

    def of_month(self, at: datetime) -> int:
        return self.counted if self._day(at)[:7] == self._newest_day[:7] else 0

    def of_day(self, at: datetime, rule: str) -> int:
        return self.by_rule.get(rule, 0) if self._day(at) == self._newest_day else 0

    def with_award(self, award: TokensAwarded) -> Usage:
        at, today = award.awarded_at, self.by_rule
        if self._day(at) != self._newest_day:
            today = PersistentMap()
        return Usage(
            newest_at=self.moment_of(at),
            counted=self.of_month(at) + (award.amount if award.counted else 0),
            by_rule=today.put(award.rule, today.get(award.rule, 0) + award.amount),
        )

    @property
    def _newest_day(self) -> str:
        return "" if self.newest_at is None else day_of(self.newest_at)

    def _day(self, at: datetime) -> str:
        return day_of(self.moment_of(at))


class Tokens(Struct, frozen=True):
    balance: int = 0
    """What can be spent; as far as it is recorded what expired and what matured."""
    debt: int = 0
    """What was taken back and was not there. Never beside a balance."""
    strips: Strips = ()
    """Those that have not expired."""
    past: Strips = ()
    """Those that have, for as long as they are `REMEMBERED`."""
    pending: PersistentMap[Pending] = PersistentMap()
    """By lot."""
    usage: Usage = Usage()
    requests: PersistentMap[AwardRequested] = PersistentMap()
    """Awards by hand that wait for a second administrator."""

    @property
    def pending_amount(self) -> int:
        return sum(lot.stretch.amount for lot in self.pending.values())

    def moment_of(self, at: datetime) -> datetime:
        """When something is given again at `at`: never before the end of a strip that is over, whatever the
        clocks say that its command comes from, so that nothing is put on such a strip.
        """
        return max(at, self.past[-1].ends) if self.past else at


def day_of(at: datetime) -> str:
    """Such as `2026-03-01`, in UTC; its month begins alike."""
    return clamped(at).date().isoformat()


def evolve(  # noqa: PLR0911 - one answer for each fact of a closed union
    tokens: Tokens, event: TokenEvent
) -> Tokens:
    match event:
        case TokensAwarded():
            return _awarded(tokens, event)
        case AwardRequested():
            return replace(tokens, requests=tokens.requests.put(event.request_id, event))
        case AwardDeclined():
            return replace(tokens, requests=tokens.requests.without(event.request_id))
        case TokensMatured():
            return _matured(tokens, event)
        case TokensExpired():
            return _expired(tokens, event)
        case TokensClawedBack():
            return _clawed_back(tokens, event)
        case TokensPenalised() | TokensRedeemed():
            owed = event.owed if isinstance(event, TokensPenalised) else 0
            return _moved(_taken(tokens, event.taken), -total(event.taken), owed)
        case TokensRestored():
            return _restored(tokens, event)
        case _:
            assert_never(event)


def _moved(tokens: Tokens, balance: int, debt: int) -> Tokens:
    return replace(tokens, balance=tokens.balance + balance, debt=tokens.debt + debt)


def _awarded(tokens: Tokens, event: TokensAwarded) -> Tokens:
    after = replace(
        _longer(_tidied(tokens, event.awarded_at), event.stretch),
        usage=tokens.usage if event.reinstates else tokens.usage.with_award(event),
        requests=tokens.requests.without(event.request_id),
    )
    if event.pending_until is None:
        return _credited(after, event.stretch, event.repaid)
    lot = Pending(event.stretch, event.pending_until, event.rule, event.source_ref, event.awarded_at)
    return replace(_taken(after, (event.stretch,)), pending=after.pending.put(event.lot_id, lot))


def _credited(tokens: Tokens, stretch: Stretch, repaid: int) -> Tokens:
    """The first of it went to the debt."""
    to_debt, _ = split_at((stretch,), repaid)
    return _moved(_taken(tokens, to_debt), stretch.amount - repaid, -repaid)


def _matured(tokens: Tokens, event: TokensMatured) -> Tokens:
    lot = tokens.pending.get(event.lot_id)
    if lot is None:
        return tokens
    after = replace(tokens, pending=tokens.pending.without(event.lot_id))
    return _credited(_given_back(after, (lot.stretch,)), lot.stretch, event.repaid)


def _expired(tokens: Tokens, event: TokensExpired) -> Tokens:
    strip = find(tokens.strips, event.expires_at)
    if strip is None:
        return tokens
    strips = tuple(one for one in tokens.strips if one is not strip)
    return _moved(replace(tokens, strips=strips, past=put(tokens.past, strip)), -event.amount, 0)


def _clawed_back(tokens: Tokens, event: TokensClawedBack) -> Tokens:
    """What was pending stays taken, as nobody has it now."""
    if event.from_pending:
        return replace(tokens, pending=tokens.pending.without(event.lot_id))
    own = (event.stretch,) if event.from_lot else ()
    after = _taken(tokens, (*own, *event.taken))
    return _moved(after, -event.from_lot - total(event.taken), event.owed)


def _restored(tokens: Tokens, event: TokensRestored) -> Tokens:
    after = _given_back(tokens, event.given_back)
    if event.regranted is not None:
        after = _longer(after, event.regranted)
    return _moved(after, event.amount - event.repaid, -event.repaid)


def _taken(tokens: Tokens, stretches: Iterable[Stretch]) -> Tokens:
    strips = tokens.strips
    for stretch in stretches:
        strips = put(strips, _strip(strips, stretch).without(stretch))
    return replace(tokens, strips=strips)


def _given_back(tokens: Tokens, stretches: Iterable[Stretch]) -> Tokens:
    strips = tokens.strips
    for stretch in stretches:
        strips = put(strips, _strip(strips, stretch).again_with(stretch))
    return replace(tokens, strips=strips)


def _longer(tokens: Tokens, stretch: Stretch) -> Tokens:
    return replace(tokens, strips=put(tokens.strips, _strip(tokens.strips, stretch).longer(stretch)))


def _strip(strips: Strips, stretch: Stretch) -> Strip:
    return find(strips, stretch.expires_at) or Strip(stretch.expires_at)


def _tidied(tokens: Tokens, at: datetime) -> Tokens:
    """Strips that are spent and over are past ones, and those that ended long ago are forgotten."""
    gone = ended(tokens.strips, at)
    over = [strip for strip in tokens.strips[:gone] if not strip.left]
    if not over and not (tokens.past and at - tokens.past[0].ends > REMEMBERED):
        return tokens
    past = tokens.past
    for strip in over:
        past = put(past, strip)
    left = [strip for strip in tokens.strips[:gone] if strip.left]
    return replace(
        tokens,
        strips=(*left, *tokens.strips[gone:]),
        past=tuple(strip for strip in past if at - strip.ends <= REMEMBERED),
    )
