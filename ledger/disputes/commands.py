"""What can be asked of the answer to a dispute."""

from __future__ import annotations

from typing import ClassVar, Literal

from msgspec import Struct

from ledger.disputes.events import EvidenceFile
from ledger.message import Command, Instant

AnswerKind = Literal["evidence", "acceptance"]


class Standing(Struct, frozen=True, kw_only=True):
    """What Stripe says of the dispute as it is asked to do something about it."""

    status: str
    due_at: Instant | None = None
    """Until when evidence counts; None when the bank takes none."""
    has_evidence: bool = False
    evidence_id: str = ""
    """Of the last change that it knows of ours."""
    answer_id: str = ""


class RecordDisputeFile(Command, frozen=True, kw_only=True):
    """Stripe has taken a file."""

    NAME: ClassVar[str] = "disputes.record_file"
    dispute_id: str
    file_id: str
    media_type: str
    size_bytes: int


class ChangeEvidence(Command, frozen=True, kw_only=True):
    """Recorded before Stripe gets what the fields say, which only who asks has."""

    NAME: ClassVar[str] = "disputes.change_evidence"
    GENERATED: ClassVar[frozenset[str]] = frozenset({"evidence_id", "standing"})
    dispute_id: str
    evidence_id: str
    texts: tuple[str, ...]
    files: tuple[EvidenceFile, ...]
    cleared: tuple[str, ...]
    standing: Standing


class RecordEvidence(Command, frozen=True, kw_only=True):
    NAME: ClassVar[str] = "disputes.record_evidence"
    dispute_id: str
    evidence_id: str


class RecordEvidenceFailure(Command, frozen=True, kw_only=True):
    NAME: ClassVar[str] = "disputes.record_evidence_failure"
    dispute_id: str
    evidence_id: str
    code: str


class RequestDisputeAnswer(Command, frozen=True, kw_only=True):
    """Once, and final."""

    NAME: ClassVar[str] = "disputes.request_answer"
    GENERATED: ClassVar[frozenset[str]] = frozenset({"answer_id", "standing"})
    dispute_id: str
    answer_id: str
    kind: AnswerKind
    standing: Standing


class RecordDisputeAnswer(Command, frozen=True, kw_only=True):
    NAME: ClassVar[str] = "disputes.record_answer"
    dispute_id: str
    answer_id: str


class RecordDisputeAnswerFailure(Command, frozen=True, kw_only=True):
    NAME: ClassVar[str] = "disputes.record_answer_failure"
    dispute_id: str
    answer_id: str
    code: str


class RecordDisputeAnswerUnknown(Command, frozen=True, kw_only=True):
    NAME: ClassVar[str] = "disputes.record_answer_unknown"
    dispute_id: str
    answer_id: str
    cause: str


DisputeCaseCommand = (
    RecordDisputeFile
    | ChangeEvidence
    | RecordEvidence
    | RecordEvidenceFailure
    | RequestDisputeAnswer
    | RecordDisputeAnswer
    | RecordDisputeAnswerFailure
    | RecordDisputeAnswerUnknown
)
