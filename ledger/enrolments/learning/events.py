"""Facts about what a learner learns at a course, each of one attempt: it is named by its `enrolment_id`."""

from __future__ import annotations

from typing import ClassVar

from ledger.message import Event, Instant


class ProgressReported(Event, frozen=True, kw_only=True):
    """`before_bp` and `after_bp` are basis points of the course as it was at `revision`."""

    TYPE: ClassVar[str] = "enrolments.progress_reported.v1"
    enrolment_id: str
    revision: int
    before_bp: int
    after_bp: int
    items: tuple[str, ...] = ()
    """Those that are new; none of a course without items, and where only the course became less."""


class EnrolmentCompleted(Event, frozen=True, kw_only=True):
    """All of that revision is done. Says whatever a bonus for speed depends on."""

    TYPE: ClassVar[str] = "enrolments.completed.v1"
    enrolment_id: str
    course_id: str
    learner_id: str
    attempt: int
    revision: int
    level: str
    completed_at: Instant
    minutes: int
    """That the revision takes by its author's word."""
    estimated_minutes: int = 0
    """What its author estimates for all of it, beside its items; 0 in facts that did not say it."""
    elapsed_s: int | None = None
    """Since the access began; None when it is not known since when."""
    plausible: bool = False
    """Whether somebody can have learnt it in that time."""


class CertificateIssued(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "enrolments.certificate_issued.v1"
    certificate_id: str
    enrolment_id: str
    course_id: str
    learner_id: str
    revision: int
    level: str
    completed_at: Instant
    words_id: str
    """The learner's name as it was then, in a table where it can be erased."""
    words_hash: str
    """With a salt that is erased with it."""


class CertificateRevoked(Event, frozen=True, kw_only=True):
    """The access was lost, and what it led to with it."""

    TYPE: ClassVar[str] = "enrolments.certificate_revoked.v1"
    certificate_id: str
    enrolment_id: str
    cause: str
    """As of the access: `refunded` or `dispute_lost`."""
    cause_id: str


class CertificateReinstated(Event, frozen=True, kw_only=True):
    """The access came back."""

    TYPE: ClassVar[str] = "enrolments.certificate_reinstated.v1"
    certificate_id: str
    enrolment_id: str
    cause: str
    cause_id: str


LearningEvent = (
    ProgressReported | EnrolmentCompleted | CertificateIssued | CertificateRevoked | CertificateReinstated
)
