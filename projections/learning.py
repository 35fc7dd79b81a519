"""What was learnt by each attempt at a course; `projections.enrolments` shows the one that counts."""

from __future__ import annotations

from datetime import datetime
from typing import get_args

from ledger.enrolments.learning.events import (
    CertificateIssued,
    EnrolmentCompleted,
    LearningEvent,
    ProgressReported,
)
from ledger.message import Event, Recorded
from projections.engine.buffers import Rows
from projections.engine.tables import Row, Table


class LearningRow(Row):
    enrolment_id: str
    stream: str
    progress_bp: int
    completed_at: datetime | None
    completed_revision: int | None
    certificate_id: str
    """Also of one that was revoked; empty for none."""
    position: int
    last_position: int


LEARNING = Table("learning", LearningRow, ("enrolment_id",))
LEARNING_FACTS: frozenset[type[Event]] = frozenset(get_args(LearningEvent))


def learn(rows: Rows[LearningRow], recorded: Recorded, event: LearningEvent) -> None:
    """The same rules as those of the state, `ledger.enrolments.learning.state`."""
    if rows.find(event.enrolment_id) is None:
        rows.put(event.enrolment_id, _begin(recorded, event.enrolment_id))
    row = rows.change(event.enrolment_id)
    row.last_position = recorded.position
    match event:
        case ProgressReported(after_bp=after_bp):
            row.progress_bp = max(row.progress_bp, after_bp)
        case EnrolmentCompleted():
            row.completed_at, row.completed_revision = event.completed_at, event.revision
        case CertificateIssued(certificate_id=certificate_id):
            row.certificate_id = certificate_id
        case _:
            pass  # whether it is valid is the certificate's to say


def _begin(recorded: Recorded, enrolment_id: str) -> LearningRow:
    return LearningRow(
        enrolment_id=enrolment_id,
        stream=recorded.stream,
        progress_bp=0,
        completed_at=None,
        completed_revision=None,
        certificate_id="",
        position=recorded.position,
        last_position=recorded.position,
    )
