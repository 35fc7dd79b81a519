"""Balances, what is left by the day on which it expires, lots, and movements with the balance after each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any, ClassVar, get_args

from psycopg import Cursor

from ledger.message import Event, Recorded
from ledger.tokens.events import (
    AwardDeclined,
    AwardRequested,
    TokenEvent,
    TokensAwarded,
    TokensClawedBack,
    TokensMatured,
)
from ledger.tokens.stream import id_of
from projections.engine.buffers import Log, Rows, Sums, TableBuffer
from projections.engine.projection import Projection
from projections.tokens.movements import Movement, movement_of, strips_moved
from projections.tokens.tables import (
    NEVER,
    TOKEN_ACCOUNTS,
    TOKEN_LOTS,
    TOKEN_MOVEMENTS,
    TOKEN_REQUESTS,
    TOKEN_STRIPS,
    TokenAccountRow,
    TokenLotRow,
    TokenRequestRow,
)

_FACTS: frozenset[type[Event]] = frozenset(get_args(TokenEvent))


class Tokens(Projection):
    NAME: ClassVar[str] = "tokens"
    FACTS: ClassVar[frozenset[type[Event]] | None] = _FACTS

    def __init__(self) -> None:
        self._accounts = Rows(TOKEN_ACCOUNTS)
        self._strips = Sums(TOKEN_STRIPS)
        self._lots = Rows(TOKEN_LOTS)
        self._movements = Log(TOKEN_MOVEMENTS)
        self._requests = Rows(TOKEN_REQUESTS)

    @property
    def buffers(self) -> tuple[TableBuffer, ...]:
        return self._accounts, self._strips, self._lots, self._movements, self._requests

    def load(self, cursor: Cursor[Any], batch: Sequence[Recorded]) -> None:
        events: list[Any] = [one.event for one in batch if type(one.event) in _FACTS]
        self._accounts.load(cursor, {event.user_id for event in events})
        of_lots = (event.lot_id for event in events if isinstance(event, TokensMatured | TokensClawedBack))
        self._lots.load(cursor, set(of_lots))
        of_requests = (
            event.request_id for event in events if isinstance(event, TokensAwarded | AwardDeclined)
        )
        self._requests.load(cursor, set(of_requests) - {""})

    def project(self, recorded: Recorded) -> None:
        event: Any = recorded.event
        account = self._account(recorded)
        account.last_position = recorded.position
        for expires_at, amount in strips_moved(event):
            self._move_strip(event.user_id, expires_at, amount)
        self._follow(recorded)
        if (movement := movement_of(recorded)) is not None:
            self._move(recorded, account, movement)

    def _account(self, recorded: Recorded) -> TokenAccountRow:
        user_id = id_of(recorded.stream)
        if self._accounts.find(user_id) is None:
            self._accounts.put(user_id, TokenAccountRow(user_id, 0, 0, 0, recorded.position))
        return self._accounts.change(user_id)

    def _move_strip(self, user_id: str, expires_at: datetime | None, amount: int) -> None:
        if amount:
            self._strips.of((user_id, _day(expires_at)))[0] += amount

    def _move(self, recorded: Recorded, account: TokenAccountRow, movement: Movement) -> None:
        account.balance += movement.change
        account.debt += movement.debt_change
        account.pending += movement.pending_change
        self._movements.add(
            (
                recorded.position,
                account.user_id,
                movement.kind,
                movement.rule,
                movement.source_ref,
                movement.reference,
                movement.asked,
                movement.change,
                movement.debt_change,
                movement.pending_change,
                account.balance,
                account.debt,
                account.pending,
                movement.reason,
                movement.happened_at,
            )
        )

    def _follow(self, recorded: Recorded) -> None:
        """The lot, or the request for one, that the fact is about."""
        event = recorded.event
        match event:
            case TokensAwarded():
                self._lots.put(event.lot_id, _lot(event, recorded.position))
                if event.request_id:
                    self._requests.change(event.request_id).status = "confirmed"
            case TokensMatured():
                lot = self._lots.change(event.lot_id)
                lot.status = "granted"
                self._move_strip(event.user_id, lot.expires_at, event.amount - event.repaid)
            case TokensClawedBack():
                self._lots.change(event.lot_id).status = "reversed"
            case AwardRequested():
                self._requests.put(event.request_id, _request(event, recorded.position))
            case AwardDeclined():
                self._requests.change(event.request_id).status = "declined"
            case _:
                pass


def _day(expires_at: datetime | None) -> date:
    return NEVER if expires_at is None else expires_at.astimezone(UTC).date()


def _lot(event: TokensAwarded, position: int) -> TokenLotRow:
    return TokenLotRow(
        lot_id=event.lot_id,
        user_id=event.user_id,
        rule=event.rule,
        source_ref=event.source_ref,
        attempt=event.attempt,
        asked=event.asked,
        amount=event.amount,
        status="granted" if event.pending_until is None else "pending",
        awarded_at=event.awarded_at,
        pending_until=event.pending_until,
        expires_at=event.stretch.expires_at,
        reason=event.reason,
        position=position,
    )


def _request(event: AwardRequested, position: int) -> TokenRequestRow:
    return TokenRequestRow(
        request_id=event.request_id,
        user_id=event.user_id,
        source_ref=event.source_ref,
        amount=event.amount,
        reason=event.reason,
        requested_by=event.requested_by,
        requested_at=event.requested_at,
        status="waiting",
        position=position,
    )
