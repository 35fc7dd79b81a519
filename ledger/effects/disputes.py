"""Of disputes, and how they are answered."""

from __future__ import annotations

import msgspec


class ResolveEvidence(msgspec.Struct, frozen=True, tag="disputes.resolve_evidence"):
    """Find out whether Stripe has a change of evidence, should who sent it not have heard. What it says
    is not known here, so that nobody can send it again.
    """

    dispute_id: str
    evidence_id: str


class AnswerDispute(msgspec.Struct, frozen=True, tag="disputes.answer"):
    """Submit the evidence, or accept the loss, with the idempotency key `dispute-answer:<answer_id>`."""

    dispute_id: str
    answer_id: str


class ResolveDisputeAnswer(msgspec.Struct, frozen=True, tag="disputes.resolve_answer"):
    """Find out what became of an answer whose call to Stripe had no clear answer."""

    dispute_id: str
    answer_id: str


DisputeEffect = ResolveEvidence | AnswerDispute | ResolveDisputeAnswer
