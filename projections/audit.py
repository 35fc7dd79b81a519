"""Who caused which fact, by which command."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from ledger.message import Recorded
from projections.engine.buffers import Log, TableBuffer
from projections.engine.projection import Projection
from projections.engine.tables import Row, Table


class AuditRow(Row):
    position: int
    stream: str
    version: int
    type: str
    command: str
    command_id: str
    actor: str
    roles: tuple[str, ...]
    correlation_id: str
    causation_id: str
    effective_at: datetime
    recorded_at: datetime
    on_behalf_of: str


AUDIT = Table("audit", AuditRow, ("position",))


class Audit(Projection):
    NAME: ClassVar[str] = "audit"

    def __init__(self) -> None:
        self._log = Log(AUDIT)
        self._add = self._log.add

    @property
    def buffers(self) -> tuple[TableBuffer, ...]:
        return (self._log,)

    def project(self, recorded: Recorded) -> None:
        metadata = recorded.metadata
        self._add(
            (
                recorded.position,
                recorded.stream,
                recorded.version,
                recorded.event.TYPE,
                metadata.command,
                recorded.command_id,
                metadata.actor,
                list(metadata.roles),
                metadata.correlation_id,
                metadata.causation_id,
                metadata.effective_at,
                recorded.recorded_at,
                metadata.on_behalf_of,
            )
        )
