"""What the answer to a dispute asks of Stripe."""

from __future__ import annotations

from ledger.disputes.events import DisputeAnswerRequested, DisputeAnswerUnknown, EvidenceChangeRequested
from ledger.effects import AnswerDispute, Effect, ResolveDisputeAnswer, ResolveEvidence
from ledger.message import Recorded


def react(recorded: Recorded) -> tuple[Effect, ...]:
    match recorded.event:
        case EvidenceChangeRequested(dispute_id=dispute_id, evidence_id=evidence_id):
            return (ResolveEvidence(dispute_id=dispute_id, evidence_id=evidence_id),)
        case DisputeAnswerRequested(dispute_id=dispute_id, answer_id=answer_id):
            return (AnswerDispute(dispute_id=dispute_id, answer_id=answer_id),)
        case DisputeAnswerUnknown(dispute_id=dispute_id, answer_id=answer_id):
            return (ResolveDisputeAnswer(dispute_id=dispute_id, answer_id=answer_id),)
        case _:
            return ()
