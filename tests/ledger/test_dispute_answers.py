"""Evidence and the answer to a dispute: what is refused, what is done once, and what Stripe says of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import reduce
from typing import Any

import pytest

from ledger.disputes.commands import (
    AnswerKind,
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
from ledger.disputes.decider import DisputeCase, decide, evolve
from ledger.disputes.events import (
    DisputeAnswered,
    DisputeAnswerFailed,
    DisputeAnswerRequested,
    DisputeAnswerUnknown,
    DisputeCaseEvent,
    DisputeFileUploaded,
    EvidenceChangeRequested,
    EvidenceFile,
    EvidenceNotSet,
    EvidenceSet,
)
from ledger.disputes.policy import react
from ledger.disputes.refusals import (
    DisputeAlreadyAnswered,
    DisputeClosed,
    EvidencePastDue,
    NothingToSubmit,
)
from ledger.effects import AnswerDispute, ResolveDisputeAnswer, ResolveEvidence
from ledger.errors import Refused
from tests.ledger.examples import recorded

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
OF = "du_1"
WAITS = Standing(status="needs_response", due_at=NOW + timedelta(days=9), has_evidence=True)


def begun(**fields: Any) -> dict[str, Any]:
    return {"command_id": "cmd", "effective_at": NOW, "dispute_id": OF, **fields}


def change(standing: Standing = WAITS) -> ChangeEvidence:
    files = (EvidenceFile("receipt", "file_1"),)
    fields = begun(evidence_id="evi_1", texts=("customer_name",), files=files, cleared=())
    return ChangeEvidence(**fields, standing=standing)


def answer(kind: AnswerKind = "evidence", standing: Standing = WAITS) -> RequestDisputeAnswer:
    return RequestDisputeAnswer(**begun(answer_id="dan_2", kind=kind, standing=standing))


def uploaded() -> DisputeFileUploaded:
    return DisputeFileUploaded(dispute_id=OF, file_id="file_1", media_type="application/pdf", size_bytes=9)


CHANGED = EvidenceChangeRequested(
    dispute_id=OF, evidence_id="evi_1", texts=("customer_name",), files=(EvidenceFile("receipt", "file_1"),)
)
IS_SET = EvidenceSet(dispute_id=OF, evidence_id="evi_1")
IS_NOT_SET = EvidenceNotSet(dispute_id=OF, evidence_id="evi_1", code="never_reached_stripe")


def asked(answer_id: str = "dan_1", kind: str = "evidence") -> DisputeAnswerRequested:
    return DisputeAnswerRequested(dispute_id=OF, answer_id=answer_id, kind=kind)


def answered(answer_id: str = "dan_1", kind: str = "evidence") -> DisputeAnswered:
    return DisputeAnswered(dispute_id=OF, answer_id=answer_id, kind=kind)


FAILED = DisputeAnswerFailed(dispute_id=OF, answer_id="dan_1", code="answered_elsewhere")
UNKNOWN = DisputeAnswerUnknown(dispute_id=OF, answer_id="dan_1", cause="APIError 500")


def when(command: DisputeCaseCommand, *given: DisputeCaseEvent) -> tuple[DisputeCaseEvent, ...]:
    return decide(command, reduce(evolve, given, DisputeCase()))


@pytest.mark.parametrize(
    ("standing", "given", "refusal"),
    [
        (Standing(status="under_review"), (), DisputeAlreadyAnswered),
        (WAITS, (asked(),), DisputeAlreadyAnswered),
        (WAITS, (asked(), UNKNOWN), DisputeAlreadyAnswered),
        (WAITS, (asked(), answered()), DisputeAlreadyAnswered),
        (Standing(status="won"), (asked(), answered()), DisputeClosed),
        (Standing(status="lost"), (), DisputeClosed),
        (Standing(status="warning_closed"), (), DisputeClosed),
        (Standing(status="needs_response", due_at=NOW), (), EvidencePastDue),
        (Standing(status="needs_response"), (), EvidencePastDue),
    ],
)
def test_a_dispute_is_answered_while_it_waits_and_in_time(
    standing: Standing, given: tuple[DisputeCaseEvent, ...], refusal: type[Refused]
) -> None:
    for command in (change(standing), answer(standing=standing)):
        with pytest.raises(refusal):
            when(command, *given)


def test_a_loss_is_accepted_late_and_without_evidence() -> None:
    late = Standing(status="needs_response", due_at=NOW - timedelta(days=1))
    assert when(answer("acceptance", late)) == (asked("dan_2", "acceptance"),)
    assert when(answer(standing=WAITS), asked(), FAILED) == (asked("dan_2"),)


def test_an_inquiry_is_answered_and_so_is_the_chargeback_that_it_becomes() -> None:
    inquiry = Standing(status="warning_needs_response", due_at=WAITS.due_at, has_evidence=True)
    (first,) = when(answer(standing=inquiry))
    assert first == DisputeAnswerRequested(dispute_id=OF, answer_id="dan_2", kind="evidence", inquiry=True)
    told = (first, answered("dan_2"))
    with pytest.raises(DisputeAlreadyAnswered):
        when(answer(standing=inquiry), *told)
    assert when(answer(), *told) == (asked("dan_2"),)
    with pytest.raises(DisputeAlreadyAnswered):
        when(answer(), *told, asked("dan_2"), answered("dan_2"))
    with pytest.raises(NothingToSubmit):
        when(answer(standing=Standing(status="needs_response", due_at=WAITS.due_at)))


def test_what_stripe_knows_of_by_our_id_is_recorded_as_done() -> None:
    """The ledger was restored to a time before."""
    known = Standing(status="under_review", evidence_id="evi_1", answer_id="dan_2")
    assert when(change(known)) == (CHANGED, IS_SET)
    assert when(answer(standing=known)) == (asked("dan_2"), answered("dan_2"))
    lost = Standing(status="lost", answer_id="dan_2")
    assert when(answer("acceptance", lost)) == (asked("dan_2", "acceptance"), answered("dan_2", "acceptance"))
    named_only = Standing(status="needs_response", due_at=WAITS.due_at, answer_id="dan_2")
    assert when(answer("acceptance", named_only)) == (asked("dan_2", "acceptance"),)


def test_what_became_of_it_is_recorded_once() -> None:
    has, has_not = (
        RecordEvidence(**begun(evidence_id="evi_1")),
        RecordEvidenceFailure(**begun(evidence_id="evi_1", code="never_reached_stripe")),
    )
    assert when(has, CHANGED) == (IS_SET,)
    assert when(has, CHANGED, IS_NOT_SET) == (IS_SET,), "sent again with the same key"
    assert when(has_not, CHANGED) == (IS_NOT_SET,)
    for command in (has, has_not):
        assert when(command) == when(command, CHANGED, IS_SET) == ()
    assert when(has_not, CHANGED, IS_NOT_SET) == when(change(), CHANGED) == ()
    done = RecordDisputeAnswer(**begun(answer_id="dan_1"))
    failed = RecordDisputeAnswerFailure(**begun(answer_id="dan_1", code="answered_elsewhere"))
    unknown = RecordDisputeAnswerUnknown(**begun(answer_id="dan_1", cause="APIError 500"))
    assert when(done, asked(), UNKNOWN) == when(done, asked(), FAILED) == (answered(),)
    assert when(failed, asked()) == (FAILED,)
    assert when(unknown, asked()) == (UNKNOWN,)
    assert when(unknown, asked(), UNKNOWN) == when(failed, asked(), FAILED) == ()
    for late in (done, failed, unknown):
        assert when(late) == when(late, asked(), answered()) == ()
    file = RecordDisputeFile(**begun(file_id="file_1", media_type="application/pdf", size_bytes=9))
    assert when(file) == (uploaded(),)
    assert when(file, uploaded()) == ()


def test_facts_ask_for_what_must_follow() -> None:
    assert react(recorded(CHANGED)) == (ResolveEvidence(dispute_id=OF, evidence_id="evi_1"),)
    assert react(recorded(asked())) == (AnswerDispute(dispute_id=OF, answer_id="dan_1"),)
    assert react(recorded(UNKNOWN)) == (ResolveDisputeAnswer(dispute_id=OF, answer_id="dan_1"),)
    for done in (uploaded(), IS_SET, IS_NOT_SET, answered(), FAILED):
        assert react(recorded(done)) == ()
