"""Certificates as they are now, for whoever checks one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar

from psycopg import Cursor

from ledger.enrolments.learning.events import CertificateIssued, CertificateReinstated, CertificateRevoked
from ledger.message import Event, Recorded
from projections.engine.buffers import Rows, TableBuffer
from projections.engine.projection import Projection
from projections.engine.tables import Row, Table


class CertificateRow(Row):
    certificate_id: str
    enrolment_id: str
    course_id: str
    learner_id: str
    revision: int
    level: str
    words_id: str
    completed_at: datetime
    issued_at: datetime
    revoked_at: datetime | None
    """None while it is valid."""
    position: int
    last_position: int


CERTIFICATES = Table("certificates", CertificateRow, ("certificate_id",))


class Certificates(Projection):
    NAME: ClassVar[str] = "certificates"
    FACTS: ClassVar[frozenset[type[Event]] | None] = frozenset(
        {CertificateIssued, CertificateRevoked, CertificateReinstated}
    )

    def __init__(self) -> None:
        self._certificates = Rows(CERTIFICATES)

    @property
    def buffers(self) -> tuple[TableBuffer, ...]:
        return (self._certificates,)

    def load(self, cursor: Cursor[Any], batch: Sequence[Recorded]) -> None:
        touched = {
            event.certificate_id
            for event in (recorded.event for recorded in batch)
            if isinstance(event, CertificateRevoked | CertificateReinstated)
        }
        self._certificates.load(cursor, touched)

    def project(self, recorded: Recorded) -> None:
        event, at = recorded.event, recorded.metadata.effective_at
        match event:
            case CertificateIssued():
                self._certificates.put(event.certificate_id, _issued(recorded, event))
            case CertificateRevoked():
                self._change(recorded, event.certificate_id, at)
            case CertificateReinstated():
                self._change(recorded, event.certificate_id, None)
            case _:
                pass

    def _change(self, recorded: Recorded, certificate_id: str, revoked_at: datetime | None) -> None:
        row = self._certificates.change(certificate_id)
        row.revoked_at, row.last_position = revoked_at, recorded.position


def _issued(recorded: Recorded, event: CertificateIssued) -> CertificateRow:
    return CertificateRow(
        certificate_id=event.certificate_id,
        enrolment_id=event.enrolment_id,
        course_id=event.course_id,
        learner_id=event.learner_id,
        revision=event.revision,
        level=event.level,
        words_id=event.words_id,
        completed_at=event.completed_at,
        issued_at=recorded.metadata.effective_at,
        revoked_at=None,
        position=recorded.position,
        last_position=recorded.position,
    )
