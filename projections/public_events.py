"""What is told outside, in the order of positions: a row for each fact that is."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

import msgspec

from ledger.message import Event, Recorded
from ledger.public_events.catalogue import FACTS, public_event
from projections.engine.buffers import Log, TableBuffer
from projections.engine.projection import Projection
from projections.engine.tables import Row, Table


class PublicEventRow(Row):
    position: int
    event_id: str
    type: str
    version: int
    object_id: str
    org_id: str
    effective_at: datetime
    recorded_at: datetime
    data: str
    """JSON, in the order of the publication's fields: what is signed and sent has these very bytes."""


PUBLIC_EVENTS = Table("public_events", PublicEventRow, ("position",))
_encode = msgspec.json.Encoder().encode


class PublicEvents(Projection):
    NAME: ClassVar[str] = "public_events"
    FACTS: ClassVar[frozenset[type[Event]] | None] = FACTS

    def __init__(self) -> None:
        self._events: Log[PublicEventRow] = Log(PUBLIC_EVENTS)

    @property
    def buffers(self) -> tuple[TableBuffer, ...]:
        return (self._events,)

    def project(self, recorded: Recorded) -> None:
        event = public_event(recorded)
        assert event is not None, "these facts are those that are told"
        self._events.add(
            (
                recorded.position,
                event.event_id,
                event.type,
                event.version,
                event.object_id,
                event.org_id,
                recorded.metadata.effective_at,
                recorded.recorded_at,
                _encode(event.data).decode(),
            )
        )
