"""Which tokens expired, and what else became of them, by month and by the rule that they were awarded by.

A fact says which stretches it takes or gives; what lies there says by which rule. So what is outstanding of a
rule is what is left of its lots, what users owe stands for itself, and all of them together are the books'.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import Any, ClassVar, Literal, NamedTuple

from psycopg import Cursor

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
from projections.breakage.stretches import Span, Stretches
from projections.breakage.tables import (
    DEBT,
    TOKEN_MONTHS,
    TOKEN_SPENT,
    TokenMonthRow,
    TokenSpentRow,
    TokenStretchRow,
    day_of,
    month_of,
    strip_of,
)
from projections.engine.buffers import RowsByOwner, Sums, TableBuffer
from projections.engine.projection import Projection

_Column = Literal["awarded", "restored", "redeemed", "expired", "clawed_back", "penalised"]
_COLUMNS = {name: place for place, name in enumerate(TokenMonthRow.__struct_fields__[2:])}
_WHOLE_STRIP = 2**62


class _Part(NamedTuple):
    """So many tokens that were awarded by one rule, and expire on one day."""

    expires_on: date
    amount: int
    rule: str


class Breakage(Projection):
    NAME: ClassVar[str] = "breakage"
    FACTS: ClassVar[frozenset[type[Event]] | None] = frozenset(
        {
            TokensAwarded,
            TokensMatured,
            TokensExpired,
            TokensClawedBack,
            TokensPenalised,
            TokensRedeemed,
            TokensRestored,
        }
    )

    def __init__(self) -> None:
        self._stretches = Stretches()
        self._spent = RowsByOwner(TOKEN_SPENT, "redemption_id")
        self._months = Sums(TOKEN_MONTHS)

    @property
    def buffers(self) -> tuple[TableBuffer, ...]:
        return self._stretches, self._spent, self._months

    def load(self, cursor: Cursor[Any], batch: Sequence[Recorded]) -> None:
        events = [one.event for one in batch]
        lots = {one.lot_id for one in events if isinstance(one, TokensMatured | TokensClawedBack)}
        self._stretches.load_with(cursor, lots, (span for event in events for span in _spans_of(event)))
        self._spent.load_of(cursor, {one.redemption_id for one in events if isinstance(one, TokensRestored)})

    def project(self, recorded: Recorded) -> None:
        month, event = month_of(recorded.metadata.effective_at), recorded.event
        match event:
            case TokensAwarded():
                self._lot(month, event)
            case TokensMatured():
                self._credit(month, self._stretches.change(event.lot_id), event.amount - event.repaid)
                self._owed(month, "awarded", event.repaid)
            case TokensExpired():
                self._take(month, "expired", _spans_of(event))
            case TokensClawedBack():
                self._claw_back(month, event)
            case TokensPenalised():
                self._take(month, "penalised", _spans_of(event))
                self._owed(month, "penalised", event.owed)
            case TokensRedeemed():
                self._spend(month, event)
            case TokensRestored():
                self._restore(month, event)
            case _:
                pass

    def _lot(self, month: date, event: TokensAwarded) -> None:
        if not event.amount:
            return
        row = TokenStretchRow(
            stretch_id=event.lot_id,
            strip=strip_of(event.user_id, event.stretch.expires_at),
            begins=event.stretch.begins,
            amount=event.amount,
            remaining=0,
            rule=event.rule,
        )
        self._stretches.add(row)
        if event.pending_until is None:
            self._credit(month, row, event.amount - event.repaid)
            self._owed(month, "awarded", event.repaid)

    def _credit(self, month: date, row: TokenStretchRow, amount: int) -> None:
        row.remaining += amount
        self._move(month, row.rule, "awarded", amount)

    def _claw_back(self, month: date, event: TokensClawedBack) -> None:
        if event.from_lot:
            own = self._stretches.change(event.lot_id)
            own.remaining -= event.from_lot
            self._move(month, own.rule, "clawed_back", event.from_lot)
        self._take(month, "clawed_back", _spans_of(event))
        self._owed(month, "clawed_back", event.owed)

    def _spend(self, month: date, event: TokensRedeemed) -> None:
        """What was taken is kept, as a restored redemption does not say by which rules that was awarded."""
        for number, part in enumerate(self._take(month, "redeemed", _spans_of(event))):
            row = TokenSpentRow(
                spent_id=f"{event.redemption_id}.{number}",
                redemption_id=event.redemption_id,
                number=number,
                expires_on=part.expires_on,
                amount=part.amount,
                rule=part.rule,
            )
            self._spent.put(row.spent_id, row)

    def _restore(self, month: date, event: TokensRestored) -> None:
        for span in _spans_of(event):
            for row, amount in self._stretches.across(span):
                self._stretches.change(row.stretch_id).remaining += amount
                self._move(month, row.rule, "restored", amount)
        self._owed(month, "restored", event.repaid)
        if event.regranted is not None:
            self._grant_again(month, event, event.regranted)

    def _grant_again(self, month: date, event: TokensRestored, stretch: Stretch) -> None:
        """The last of what has expired, as the first went to the debt."""
        spent = sorted(self._spent.of(event.redemption_id), key=lambda row: row.number)
        over = [row for row in spent if row.expires_on <= day_of(event.restored_at)]
        to_debt = sum(row.amount for row in over) - stretch.amount
        begins = stretch.begins
        for row in over:
            gone = min(to_debt, row.amount)
            to_debt -= gone
            if not (amount := row.amount - gone):
                continue
            self._stretches.add(
                TokenStretchRow(
                    stretch_id=row.spent_id,
                    strip=strip_of(event.user_id, stretch.expires_at),
                    begins=begins,
                    amount=amount,
                    remaining=amount,
                    rule=row.rule,
                )
            )
            self._move(month, row.rule, "restored", amount)
            begins += amount

    def _take(self, month: date, column: _Column, spans: Iterable[Span]) -> list[_Part]:
        """What is left there. A fact names nothing that is taken already, but when a whole strip expires."""
        parts: list[_Part] = []
        for span in spans:
            for row, shared in self._stretches.across(span):
                if amount := min(shared, row.remaining):
                    self._stretches.change(row.stretch_id).remaining -= amount
                    self._move(month, row.rule, column, amount)
                    parts.append(_Part(_day(span), amount, row.rule))
        return parts

    def _owed(self, month: date, column: _Column, amount: int) -> None:
        self._move(month, DEBT, column, amount)

    def _move(self, month: date, rule: str, column: _Column, amount: int) -> None:
        if amount:
            self._months.of((month, rule))[_COLUMNS[column]] += amount


def _spans_of(event: Event) -> Iterator[Span]:
    """What of other lots than its own it takes, or gives back."""
    match event:
        case TokensExpired():
            yield Span(strip_of(event.user_id, event.expires_at), 0, _WHOLE_STRIP)
        case TokensClawedBack() | TokensPenalised() | TokensRedeemed():
            yield from _each(event.user_id, event.taken)
        case TokensRestored():
            yield from _each(event.user_id, event.given_back)
        case _:
            return


def _each(user_id: str, stretches: Iterable[Stretch]) -> Iterator[Span]:
    for one in stretches:
        yield Span(strip_of(user_id, one.expires_at), one.begins, one.begins + one.amount)


def _day(span: Span) -> date:
    """The end of a strip's name."""
    return date.fromisoformat(span.strip[-10:])
