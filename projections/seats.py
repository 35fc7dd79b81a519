"""Who had which seat of a licence. Whether a floating one still counts is judged where it is read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar, Literal, get_args

from psycopg import Cursor

from ledger.message import Event, Recorded
from ledger.seats.events import SeatActivated, SeatDeactivated, SeatEvent, SeatReleased, SeatsLapsed
from projections.engine.buffers import Rows, TableBuffer
from projections.engine.projection import Projection
from projections.engine.tables import Row, Table

Ended = Literal["", "lapsed", "released", "deactivated"]


class SeatRow(Row):
    seat_id: str
    licence_id: str
    org_id: str
    user_id: str
    floating: bool
    activated_at: datetime
    ended: Ended
    """How; empty while somebody has it."""
    ended_at: datetime | None
    position: int


SEATS = Table("seats", SeatRow, ("seat_id",))
_FACTS: frozenset[type[Event]] = frozenset(get_args(SeatEvent))


class Seats(Projection):
    NAME: ClassVar[str] = "seats"
    FACTS: ClassVar[frozenset[type[Event]] | None] = _FACTS

    def __init__(self) -> None:
        self._seats = Rows(SEATS)

    @property
    def buffers(self) -> tuple[TableBuffer, ...]:
        return (self._seats,)

    def load(self, cursor: Cursor[Any], batch: Sequence[Recorded]) -> None:
        events = [one.event for one in batch if type(one.event) in _FACTS]
        self._seats.load(cursor, {seat_id for event in events for seat_id in _ended_by(event)})

    def project(self, recorded: Recorded) -> None:
        event, at = recorded.event, recorded.metadata.effective_at
        if isinstance(event, SeatActivated):
            row = SeatRow(
                event.seat_id,
                event.licence_id,
                event.org_id,
                event.user_id,
                event.floating,
                at,
                "",
                None,
                recorded.position,
            )
            self._seats.put(event.seat_id, row)
        for seat_id in _ended_by(event):
            row = self._seats.change(seat_id)
            row.ended, row.ended_at = _HOW[type(event)], at


_HOW: dict[type[Event], Ended] = {
    SeatsLapsed: "lapsed",
    SeatReleased: "released",
    SeatDeactivated: "deactivated",
}


def _ended_by(event: Event) -> tuple[str, ...]:
    match event:
        case SeatsLapsed():
            return event.seat_ids
        case SeatReleased() | SeatDeactivated():
            return (event.seat_id,)
        case _:
            return ()
