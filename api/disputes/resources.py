"""What the API shows of how a dispute is answered: which evidence there is, and never what it says."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

import msgspec

from api.disputes.fields import FILES
from api.stripe.disputes.objects import DisputeCase
from ledger.disputes.events import (
    DisputeAnswered,
    DisputeAnswerFailed,
    DisputeAnswerRequested,
    DisputeAnswerUnknown,
    EvidenceChangeRequested,
    EvidenceNotSet,
    EvidenceSet,
)
from ledger.message import Recorded


class EvidenceChange(msgspec.Struct, frozen=True, kw_only=True):
    """Who set which fields. `requested`: Stripe was asked, and what became of it is being found out."""

    fields: list[str]
    by: str
    at: datetime
    status: Literal["requested", "set", "failed"]


class DisputeAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """`evidence` was submitted, or the loss accepted (`acceptance`). `requested` and `unknown`: what became
    of it is being found out; `failed`: see `code`, and answer anew.
    """

    dispute_id: str
    answer_id: str
    kind: str
    status: Literal["requested", "unknown", "answered", "failed"]
    code: str
    by: str
    """Who asked for it."""
    at: datetime


class DisputeEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """As Stripe has it now, and what was done about it here. What was done in Stripe's dashboard is told by
    Stripe's part alone.
    """

    dispute_id: str
    status: str
    due_at: datetime | None
    """Until when evidence counts; null when the bank takes none."""
    past_due: bool
    has_evidence: bool
    submission_count: int
    texts: dict[str, int]
    """Fields that have a text, with its number of characters."""
    files: dict[str, str]
    """Fields that name a file, with Stripe's id of it."""
    changes: list[EvidenceChange]
    """The newest first; a hundred at most."""
    answer: DisputeAnswer | None
    """The newest one that was given here."""


_MOST_CHANGES = 100


def evidence_of(found: DisputeCase, facts: Sequence[Recorded]) -> DisputeEvidence:
    details, given = found.evidence_details, found.given
    return DisputeEvidence(
        dispute_id=found.id,
        status=found.status,
        due_at=found.standing.due_at,
        past_due=details.past_due,
        has_evidence=details.has_evidence,
        submission_count=details.submission_count,
        texts={name: len(text) for name, text in given.items() if name not in FILES},
        files={name: file_id for name, file_id in given.items() if name in FILES},
        changes=_changes(facts)[::-1][:_MOST_CHANGES],
        answer=answer_of(facts),
    )


def _changes(facts: Sequence[Recorded]) -> list[EvidenceChange]:
    changes: dict[str, EvidenceChange] = {}
    for fact in facts:
        match fact.event:
            case EvidenceChangeRequested() as asked:
                named = [one.field for one in asked.files]
                changes[asked.evidence_id] = EvidenceChange(
                    fields=sorted([*asked.texts, *named, *asked.cleared]),
                    by=fact.metadata.actor,
                    at=fact.metadata.effective_at,
                    status="requested",
                )
            case EvidenceSet(evidence_id=made):
                changes[made] = msgspec.structs.replace(changes[made], status="set")
            case EvidenceNotSet(evidence_id=refused):
                changes[refused] = msgspec.structs.replace(changes[refused], status="failed")
            case _:
                pass
    return list(changes.values())


def answer_of(facts: Sequence[Recorded], answer_id: str = "") -> DisputeAnswer | None:
    """The one of that id, or the newest."""
    answer: DisputeAnswer | None = None
    for fact in facts:
        match fact.event:
            case DisputeAnswerRequested() as asked if answer_id in {"", asked.answer_id}:
                answer = DisputeAnswer(
                    dispute_id=asked.dispute_id,
                    answer_id=asked.answer_id,
                    kind=asked.kind,
                    status="requested",
                    code="",
                    by=fact.metadata.actor,
                    at=fact.metadata.effective_at,
                )
            case DisputeAnswered(answer_id=told) if answer is not None and told == answer.answer_id:
                answer = msgspec.structs.replace(answer, status="answered")
            case DisputeAnswerFailed(answer_id=told) as failed if answer and told == answer.answer_id:
                answer = msgspec.structs.replace(answer, status="failed", code=failed.code)
            case DisputeAnswerUnknown(answer_id=told) if answer is not None and told == answer.answer_id:
                answer = msgspec.structs.replace(answer, status="unknown")
            case _:
                pass
    return answer
