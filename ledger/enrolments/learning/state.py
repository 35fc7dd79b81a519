"""What is remembered of a learner's learning at a course, by attempt. `evolve` never fails."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, assert_never

from msgspec import Struct
from msgspec.structs import replace

from ledger.enrolments.learning.events import (
    CertificateIssued,
    CertificateReinstated,
    CertificateRevoked,
    EnrolmentCompleted,
    LearningEvent,
    ProgressReported,
)
from ledger.message import Instant
from ledger.persistent import PersistentMap, PersistentSet

CertificateStatus = Literal["valid", "revoked"]


class Certificate(Struct, frozen=True, gc=False):
    certificate_id: str
    status: CertificateStatus = "valid"


class Progress(Struct, frozen=True):
    """Of one attempt; never less than it was."""

    begun_at: Instant | None = None
    """When its access first began; None when that is not known."""
    done: PersistentSet = PersistentSet()
    """Items, also those that the course does not have any more."""
    bp: int = 0
    completed: EnrolmentCompleted | None = None
    certificate: Certificate | None = None

    @property
    def percent(self) -> int:
        """Rounded down, so that 100 is all of it."""
        return self.bp // 100


class Learning(Struct, frozen=True):
    attempts: PersistentMap[Progress] = PersistentMap()
    """By enrolment id: what is bought again begins anew, and what comes back is as it was."""

    def of(self, enrolment_id: str) -> Progress:
        return self.attempts.get(enrolment_id, Progress())


def begun(learning: Learning, enrolment_id: str, at: datetime | None) -> Learning:
    """Access began, or came back: counted from the first time."""
    known = learning.attempts.get(enrolment_id)
    if known is not None or at is None:
        return learning
    return _put(learning, enrolment_id, Progress(begun_at=at))


def evolve(learning: Learning, event: LearningEvent) -> Learning:
    progress = learning.of(event.enrolment_id)
    match event:
        case ProgressReported():
            done = progress.done
            for item in event.items:
                done = done.add(item)
            now = replace(progress, done=done, bp=max(progress.bp, event.after_bp))
        case EnrolmentCompleted():
            now = replace(progress, completed=event)
        case CertificateIssued() | CertificateReinstated():
            now = replace(progress, certificate=Certificate(event.certificate_id))
        case CertificateRevoked():
            now = replace(progress, certificate=Certificate(event.certificate_id, "revoked"))
        case _:
            assert_never(event)
    return _put(learning, event.enrolment_id, now)


def _put(learning: Learning, enrolment_id: str, progress: Progress) -> Learning:
    return Learning(attempts=learning.attempts.put(enrolment_id, progress))
