"""Endpoints to which webhooks are sent."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar, get_args

from psycopg import Cursor

from ledger.endpoints.events import (
    EndpointChanged,
    EndpointCreated,
    EndpointDeleted,
    EndpointDisabled,
    EndpointEnabled,
    EndpointEvent,
    EndpointSecretRotated,
)
from ledger.message import Event, Recorded
from projections.engine.buffers import Rows, TableBuffer
from projections.engine.projection import Projection
from projections.engine.tables import Row, Table


class EndpointRow(Row):
    endpoint_id: str
    org_id: str
    url: str
    types: tuple[str, ...]
    payload: str
    ordered: bool
    serial: int
    key_id: str
    old_serial: int
    """0 where there is no secret before."""
    old_key_id: str
    old_until: datetime | None
    disabled: str
    """Why; empty while it is enabled."""
    disabled_at: datetime | None
    deleted_at: datetime | None
    created_at: datetime
    position: int


ENDPOINTS = Table("endpoints", EndpointRow, ("endpoint_id",))
_FACTS: frozenset[type[Event]] = frozenset(get_args(EndpointEvent))


class Endpoints(Projection):
    NAME: ClassVar[str] = "endpoints"
    FACTS: ClassVar[frozenset[type[Event]] | None] = _FACTS

    def __init__(self) -> None:
        self._endpoints = Rows(ENDPOINTS)

    @property
    def buffers(self) -> tuple[TableBuffer, ...]:
        return (self._endpoints,)

    def load(self, cursor: Cursor[Any], batch: Sequence[Recorded]) -> None:
        self._endpoints.load(
            cursor, {one.event.endpoint_id for one in batch if isinstance(one.event, EndpointEvent)}
        )

    def project(self, recorded: Recorded) -> None:
        event, at = recorded.event, recorded.metadata.effective_at
        if isinstance(event, EndpointCreated):
            self._endpoints.put(event.endpoint_id, _created(event, at, recorded.position))
            return
        assert isinstance(event, EndpointEvent)
        row = self._endpoints.change(event.endpoint_id)
        match event:
            case EndpointChanged():
                row.url, row.types = event.url, event.types
                row.payload, row.ordered = event.payload, event.ordered
            case EndpointSecretRotated():
                row.old_serial, row.old_key_id, row.old_until = row.serial, row.key_id, event.old_until
                row.serial, row.key_id = event.serial, event.key_id
            case EndpointDisabled():
                row.disabled, row.disabled_at = event.cause, at
            case EndpointEnabled():
                row.disabled, row.disabled_at = "", None
            case EndpointDeleted():
                row.deleted_at = at


def _created(event: EndpointCreated, at: datetime, position: int) -> EndpointRow:
    return EndpointRow(
        endpoint_id=event.endpoint_id,
        org_id=event.org_id,
        url=event.url,
        types=event.types,
        payload=event.payload,
        ordered=event.ordered,
        serial=1,
        key_id=event.key_id,
        old_serial=0,
        old_key_id="",
        old_until=None,
        disabled="",
        disabled_at=None,
        deleted_at=None,
        created_at=at,
        position=position,
    )
