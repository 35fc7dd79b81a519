"""The ledger for threads and command lines: reads in order, never decides."""

from __future__ import annotations

from collections.abc import Iterable
from types import TracebackType
from typing import Self

from eventsourcing.persistence import EventStore, MapperDeserialisationError

from ledger.domains import EVENT_TYPES
from ledger.message import Event, Recorded
from ledger.store.connection import APPLICATION, Role, conninfo
from ledger.store.mapper import FactMapper
from ledger.store.recorder import LedgerRecorder, open_datastore


class Reader:
    """Opens its connections when first used; thread-safe; reconnects by itself."""

    def __init__(
        self,
        url: str,
        *,
        schema: str = "liberation",
        role: Role = APPLICATION,
        event_types: Iterable[type[Event]] = EVENT_TYPES,
    ) -> None:
        datastore = open_datastore(conninfo(url, schema=schema, role=role, name="reader"))
        self._recorder = LedgerRecorder(datastore)
        self._mapper = FactMapper(event_types)
        self.events: EventStore[str] = EventStore(self._mapper, self._recorder)
        """The library's own view of the streams."""

    def batch(self, after: int, limit: int) -> list[Recorded]:
        """At most `limit` facts after the position, in order; empty at the head.

        Stops before a fact that cannot be read, and raises the library's `MapperDeserialisationError`
        when that is the first. Raises its `PersistenceError` when the database fails.
        """
        readable: list[Recorded] = []
        for row in self._recorder.select_batch(after, limit):
            try:
                readable.append(self._mapper.decode(row))
            except MapperDeserialisationError:
                if readable:
                    break
                raise
        return readable

    def head(self) -> int:
        """The last position; 0 in an empty ledger."""
        return self._recorder.max_notification_id() or 0

    def close(self) -> None:
        self._recorder.datastore.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
