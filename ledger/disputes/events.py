"""Facts about how a dispute is answered: which evidence was given, when and by whom, and never what it says.

Who gave it is the actor of the fact. Texts and files are with Stripe alone, as they are about people.
"""

from __future__ import annotations

from typing import ClassVar

from msgspec import Struct

from ledger.message import Event


class EvidenceFile(Struct, frozen=True):
    """Which of Stripe's fields names which of its files."""

    field: str
    file_id: str


class DisputeFileUploaded(Event, frozen=True, kw_only=True):
    """Stripe has a file that evidence may name."""

    TYPE: ClassVar[str] = "disputes.file_uploaded.v1"
    dispute_id: str
    file_id: str
    """Stripe's."""
    media_type: str
    size_bytes: int


class EvidenceChangeRequested(Event, frozen=True, kw_only=True):
    """Stripe is asked to keep some evidence with the dispute; nothing of it goes to the bank yet."""

    TYPE: ClassVar[str] = "disputes.evidence_requested.v1"
    dispute_id: str
    evidence_id: str
    """Of the change; Stripe's dispute carries it in its metadata."""
    texts: tuple[str, ...] = ()
    """The fields whose texts are set."""
    files: tuple[EvidenceFile, ...] = ()
    cleared: tuple[str, ...] = ()


class EvidenceSet(Event, frozen=True, kw_only=True):
    """Stripe has it."""

    TYPE: ClassVar[str] = "disputes.evidence_set.v1"
    dispute_id: str
    evidence_id: str


class EvidenceNotSet(Event, frozen=True, kw_only=True):
    """Stripe refused it, or never heard of it."""

    TYPE: ClassVar[str] = "disputes.evidence_not_set.v1"
    dispute_id: str
    evidence_id: str
    code: str


class DisputeAnswerRequested(Event, frozen=True, kw_only=True):
    """The evidence is to be submitted to the bank (`evidence`), or the loss is accepted (`acceptance`).
    Neither can be taken back.
    """

    TYPE: ClassVar[str] = "disputes.answer_requested.v1"
    dispute_id: str
    answer_id: str
    kind: str
    inquiry: bool = False
    """Of the bank's, which may become a chargeback: that wants an answer of its own."""


class DisputeAnswered(Event, frozen=True, kw_only=True):
    """Stripe took the answer. What the bank makes of it, the dispute's payment or invoice tells."""

    TYPE: ClassVar[str] = "disputes.answered.v1"
    dispute_id: str
    answer_id: str
    kind: str


class DisputeAnswerFailed(Event, frozen=True, kw_only=True):
    """Stripe refused it, never heard of it, or had another answer before."""

    TYPE: ClassVar[str] = "disputes.answer_failed.v1"
    dispute_id: str
    answer_id: str
    code: str


class DisputeAnswerUnknown(Event, frozen=True, kw_only=True):
    """Stripe timed out or said 5xx: answered or not, nobody knows yet."""

    TYPE: ClassVar[str] = "disputes.answer_unknown.v1"
    dispute_id: str
    answer_id: str
    cause: str


DisputeCaseEvent = (
    DisputeFileUploaded
    | EvidenceChangeRequested
    | EvidenceSet
    | EvidenceNotSet
    | DisputeAnswerRequested
    | DisputeAnswered
    | DisputeAnswerFailed
    | DisputeAnswerUnknown
)
