"""The rules of the answer to one dispute: evidence as often as wanted until it is due, and one answer.

What is asked is judged by what Stripe says of the dispute at that moment, as the answer may come from its
dashboard, too. What Stripe made of it is recorded, whatever was thought before.
"""

from __future__ import annotations

from typing import Literal, assert_never, get_args

from msgspec import Struct
from msgspec.structs import replace

from ledger.disputes.commands import (
    ChangeEvidence,
    DisputeCaseCommand,
    RecordDisputeAnswer,
    RecordDisputeAnswerFailure,
    RecordDisputeAnswerUnknown,
    RecordDisputeFile,
    RecordEvidence,
    RecordEvidenceFailure,
    RequestDisputeAnswer,
    Standing,
)
from ledger.disputes.events import (
    DisputeAnswered,
    DisputeAnswerFailed,
    DisputeAnswerRequested,
    DisputeAnswerUnknown,
    DisputeCaseEvent,
    DisputeFileUploaded,
    EvidenceChangeRequested,
    EvidenceNotSet,
    EvidenceSet,
)
from ledger.disputes.refusals import (
    DisputeAlreadyAnswered,
    DisputeClosed,
    EvidencePastDue,
    NothingToSubmit,
)
from ledger.disputes.stream import stream_of
from ledger.message import Decider, Instant
from ledger.persistent import PersistentMap

AnswerStatus = Literal["", "requested", "unknown", "answered", "failed"]
_WAITS = frozenset({"needs_response", "warning_needs_response"})
_UNDER_REVIEW = frozenset({"under_review", "warning_under_review"})
_LOST = frozenset({"lost", "warning_closed"})
_UNDECIDED = frozenset({"requested", "unknown"})
REQUESTED, SET = "requested", "set"
_Events = tuple[DisputeCaseEvent, ...]


class DisputeCase(Struct, frozen=True):
    answer_id: str = ""
    """Of the newest answer."""
    answer_kind: str = ""
    answer_inquiry: bool = False
    """Whether it was an inquiry by then."""
    answer_status: AnswerStatus = ""
    answer_code: str = ""
    """Why it failed."""
    files: PersistentMap[int] = PersistentMap()
    """Sizes of what was uploaded, by Stripe's ids."""
    changes: PersistentMap[str] = PersistentMap()
    """Of the evidence: `requested`, `set`, or why Stripe did not make it."""


def decide(command: DisputeCaseCommand, case: DisputeCase) -> _Events:
    match command:
        case RecordDisputeFile():
            return _upload(command, case)
        case ChangeEvidence():
            return _change(command, case)
        case RequestDisputeAnswer():
            return _answer(command, case)
        case RecordEvidence() | RecordEvidenceFailure():
            return _changed(command, case)
        case RecordDisputeAnswer() | RecordDisputeAnswerFailure() | RecordDisputeAnswerUnknown():
            return _answered(command, case)
        case _:
            assert_never(command)


def _upload(command: RecordDisputeFile, case: DisputeCase) -> _Events:
    if command.file_id in case.files:
        return ()
    uploaded = DisputeFileUploaded(
        dispute_id=command.dispute_id,
        file_id=command.file_id,
        media_type=command.media_type,
        size_bytes=command.size_bytes,
    )
    return (uploaded,)


def _change(command: ChangeEvidence, case: DisputeCase) -> _Events:
    if command.evidence_id in case.changes:
        return ()
    asked = EvidenceChangeRequested(
        dispute_id=command.dispute_id,
        evidence_id=command.evidence_id,
        texts=command.texts,
        files=command.files,
        cleared=command.cleared,
    )
    if command.standing.evidence_id == command.evidence_id:  # by a ledger that was restored to before
        return asked, EvidenceSet(dispute_id=command.dispute_id, evidence_id=command.evidence_id)
    check_waits(command.standing, case)
    check_in_time(command.standing, command.effective_at)
    return (asked,)


def _answer(command: RequestDisputeAnswer, case: DisputeCase) -> _Events:
    """One that is new, or that a ledger which was restored to before had Stripe take."""
    dispute_id, answer_id, standing = command.dispute_id, command.answer_id, command.standing
    asked = DisputeAnswerRequested(
        dispute_id=dispute_id,
        answer_id=answer_id,
        kind=command.kind,
        inquiry=standing.status.startswith("warning_"),
    )
    if is_taken(command.kind, answer_id, standing):
        return asked, DisputeAnswered(dispute_id=dispute_id, answer_id=answer_id, kind=command.kind)
    check_waits(standing, case)
    if command.kind == "evidence":
        check_in_time(standing, command.effective_at)
        if not standing.has_evidence:
            raise NothingToSubmit("There is no evidence at Stripe: the bank would get nothing to look at.")
    return (asked,)


def is_taken(kind: str, answer_id: str, standing: Standing) -> bool:
    """Whether Stripe has this very answer. What is submitted is named by the same call, and what is accepted
    before it.
    """
    if standing.answer_id != answer_id:
        return False
    return kind == "evidence" or standing.status in _LOST


def check_waits(standing: Standing, case: DisputeCase) -> None:
    """Raises unless the dispute waits for an answer."""
    escalated = case.answer_inquiry and standing.status == "needs_response"
    answered = standing.status in _WAITS and case.answer_status == "answered" and not escalated
    if case.answer_status in _UNDECIDED or answered:
        raise DisputeAlreadyAnswered("An answer is with Stripe already, and it was the only one.")
    if standing.status in _UNDER_REVIEW:
        raise DisputeAlreadyAnswered("The evidence was submitted already: the bank looks at it.")
    if standing.status not in _WAITS:
        raise DisputeClosed(f"The dispute is closed; its status is {standing.status}.")


def check_in_time(standing: Standing, at: Instant) -> None:
    if standing.due_at is None:
        raise EvidencePastDue("The cardholder's bank takes no evidence for this dispute.")
    if at >= standing.due_at:
        raise EvidencePastDue(f"Evidence was due by {standing.due_at:%Y-%m-%d %H:%M} UTC.")


def _changed(command: RecordEvidence | RecordEvidenceFailure, case: DisputeCase) -> _Events:
    dispute_id, evidence_id = command.dispute_id, command.evidence_id
    known = case.changes.get(evidence_id, SET)
    if known == SET:
        return ()
    if isinstance(command, RecordEvidence):
        return (EvidenceSet(dispute_id=dispute_id, evidence_id=evidence_id),)
    if known != REQUESTED:
        return ()
    return (EvidenceNotSet(dispute_id=dispute_id, evidence_id=evidence_id, code=command.code),)


def _answered(
    command: RecordDisputeAnswer | RecordDisputeAnswerFailure | RecordDisputeAnswerUnknown, case: DisputeCase
) -> _Events:
    dispute_id, answer_id = command.dispute_id, command.answer_id
    if answer_id != case.answer_id or case.answer_status == "answered":
        return ()
    match command:
        case RecordDisputeAnswer():
            return (DisputeAnswered(dispute_id=dispute_id, answer_id=answer_id, kind=case.answer_kind),)
        case RecordDisputeAnswerFailure(code=code) if case.answer_status in _UNDECIDED:
            return (DisputeAnswerFailed(dispute_id=dispute_id, answer_id=answer_id, code=code),)
        case RecordDisputeAnswerUnknown(cause=cause) if case.answer_status == "requested":
            return (DisputeAnswerUnknown(dispute_id=dispute_id, answer_id=answer_id, cause=cause),)
        case _:
            return ()


def evolve(  # noqa: PLR0911  one answer for each kind of fact
    case: DisputeCase, event: DisputeCaseEvent
) -> DisputeCase:
    match event:
        case DisputeFileUploaded():
            return replace(case, files=case.files.put(event.file_id, event.size_bytes))
        case EvidenceChangeRequested(evidence_id=asked):
            return replace(case, changes=case.changes.put(asked, REQUESTED))
        case EvidenceSet(evidence_id=made):
            return replace(case, changes=case.changes.put(made, SET))
        case EvidenceNotSet(evidence_id=refused, code=code):
            return replace(case, changes=case.changes.put(refused, code))
        case DisputeAnswerRequested():
            return replace(
                case,
                answer_id=event.answer_id,
                answer_kind=event.kind,
                answer_inquiry=event.inquiry,
                answer_status="requested",
                answer_code="",
            )
        case DisputeAnswered():
            return replace(case, answer_status="answered", answer_code="")
        case DisputeAnswerFailed():
            return replace(case, answer_status="failed", answer_code=event.code)
        case DisputeAnswerUnknown():
            return replace(case, answer_status="unknown")
        case _:
            assert_never(event)


def stream(command: DisputeCaseCommand) -> str:
    return stream_of(command.dispute_id)


DISPUTE_CASE: Decider[DisputeCaseCommand, DisputeCase, DisputeCaseEvent] = Decider(
    stream=stream,
    decide=decide,
    evolve=evolve,
    initial=DisputeCase(),
    commands=get_args(DisputeCaseCommand),
    events=get_args(DisputeCaseEvent),
)
