"""Answering a dispute: the evidence is submitted, or the loss is accepted. Once, and final."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Response, post
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, JSONBody

from api.disputes.asking import Call, at_stripe, known
from api.disputes.resources import DisputeAnswer, answer_of
from api.http.body import IdempotencyKey
from api.http.preconditions import IDEMPOTENT
from api.http.problems import StripeUnavailable
from api.http.promises import responses
from api.services import Services, origin_of
from ledger.disputes.commands import AnswerKind, RequestDisputeAnswer
from ledger.disputes.refusals import (
    DisputeAlreadyAnswered,
    DisputeAnswerRefused,
    DisputeClosed,
    EvidencePastDue,
    NothingToSubmit,
)
from ledger.disputes.stream import stream_of
from ledger.errors import NotFound

_LATER = {202: ResponseSpec(DisputeAnswer, description="Stripe has not said so yet", generate_examples=False)}


class AnswerIt(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An empty object: the address says it all."""


@post(
    "/api/disputes/{dispute_id:str}/submit",
    operation_id="submitDispute",
    summary="Submit the evidence of a dispute",
    tags=["disputes"],
    status_code=200,
    opt={IDEMPOTENT: True},
    response_description="The bank gets the evidence",
    responses=responses(
        NotFound,
        DisputeClosed,
        DisputeAlreadyAnswered,
        EvidencePastDue,
        NothingToSubmit,
        DisputeAnswerRefused,
        StripeUnavailable,
    )
    | _LATER,
)
async def submit_dispute(
    dispute_id: FromPath[str],
    data: JSONBody[AnswerIt],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[DisputeAnswer]:
    """All that `GET /api/disputes/{dispute_id}/evidence` shows goes to the cardholder's bank, which takes it
    once: nothing can be added afterwards.
    """

    async def work(command_id: str) -> Response[Any]:
        return await _answer(services, request, dispute_id, "evidence", command_id)

    return await services.idempotency.run(request, idempotency_key, data, work)


@post(
    "/api/disputes/{dispute_id:str}/accept",
    operation_id="acceptDispute",
    summary="Accept that a dispute is lost",
    tags=["disputes"],
    status_code=200,
    opt={IDEMPOTENT: True},
    response_description="The dispute is lost",
    responses=responses(
        NotFound, DisputeClosed, DisputeAlreadyAnswered, DisputeAnswerRefused, StripeUnavailable
    )
    | _LATER,
)
async def accept_dispute(
    dispute_id: FromPath[str],
    data: JSONBody[AnswerIt],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[DisputeAnswer]:
    """The money stays with the cardholder. It cannot be taken back."""

    async def work(command_id: str) -> Response[Any]:
        return await _answer(services, request, dispute_id, "acceptance", command_id)

    return await services.idempotency.run(request, idempotency_key, data, work)


async def _answer(
    services: Services, request: Call, dispute_id: str, kind: AnswerKind, command_id: str
) -> Response[Any]:
    await known(services, dispute_id)
    answer_id = services.id_of("dan", command_id)

    async def make() -> RequestDisputeAnswer:
        return RequestDisputeAnswer(
            command_id=command_id,
            effective_at=services.now(),
            dispute_id=dispute_id,
            answer_id=answer_id,
            kind=kind,
            standing=(await at_stripe(services, dispute_id)).standing,
        )

    done = await services.submitter.submit_once(command_id, make, origin_of(request))
    facts = await services.store.read_stream(stream_of(dispute_id))
    answer = answer_of(facts, answer_id)
    assert answer is not None, "as it was recorded by this very command"
    if answer.status == "failed":
        raise DisputeAnswerRefused(f"Stripe does not take the answer ({answer.code}).")
    headers = done.seen(facts[-1].position).headers
    return Response(answer, status_code=200 if answer.status == "answered" else 202, headers=headers)


HANDLERS = (submit_dispute, accept_dispute)
