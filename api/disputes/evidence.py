"""Evidence for a dispute: what Stripe has of it, and setting it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import structlog
from litestar import Response, get, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from api.disputes.asking import Call, at_stripe, known
from api.disputes.fields import FILES, Evidence, check
from api.disputes.resources import DisputeEvidence, evidence_of
from api.http.body import IdempotencyKey
from api.http.preconditions import IDEMPOTENT
from api.http.problems import StripeUnavailable
from api.http.promises import responses
from api.http.responses import Fresh
from api.services import Services, origin_of
from api.stripe.delivery import STRIPE_ERRORS, recorder
from api.stripe.disputes import evidence
from api.stripe.disputes.objects import DisputeCase
from api.stripe.failures import Failure, failure_of
from ledger.disputes.commands import ChangeEvidence, RecordEvidence, RecordEvidenceFailure
from ledger.disputes.decider import DISPUTE_CASE, SET
from ledger.disputes.events import EvidenceFile
from ledger.disputes.refusals import (
    DisputeAlreadyAnswered,
    DisputeAnswerRefused,
    DisputeClosed,
    EvidencePastDue,
)
from ledger.disputes.stream import stream_of
from ledger.errors import IdempotencyMismatch, NotFound
from ledger.ids import new_id
from ledger.message import Origin

log = structlog.get_logger()


@get(
    "/api/disputes/{dispute_id:str}/evidence",
    operation_id="getDisputeEvidence",
    summary="What evidence a dispute has",
    tags=["disputes"],
    responses=responses(NotFound, StripeUnavailable),
)
async def get_evidence(
    dispute_id: FromPath[str], services: NamedDependency[Services]
) -> Fresh[DisputeEvidence]:
    """Asked of Stripe now: which fields have something, until when it can be submitted, and if it was."""
    await known(services, dispute_id)
    found = await at_stripe(services, dispute_id)
    return Fresh(evidence_of(found, await services.store.read_stream(stream_of(dispute_id))))


@put(
    "/api/disputes/{dispute_id:str}/evidence",
    operation_id="setDisputeEvidence",
    summary="Set evidence of a dispute",
    tags=["disputes"],
    opt={IDEMPOTENT: True},
    response_description="Stripe has it, and nothing was submitted yet",
    responses=responses(
        NotFound,
        DisputeClosed,
        DisputeAlreadyAnswered,
        EvidencePastDue,
        DisputeAnswerRefused,
        StripeUnavailable,
    ),
)
async def set_evidence(
    dispute_id: FromPath[str],
    data: JSONBody[Evidence],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[DisputeEvidence]:
    """As often as wanted until it is submitted; the bank sees nothing of it before that."""
    given = data.given()

    async def work(command_id: str) -> Response[Any]:
        await known(services, dispute_id)
        evidence_id = services.id_of("evi", command_id)
        found = await at_stripe(services, dispute_id)
        case = await services.store.state(DISPUTE_CASE, stream_of(dispute_id))
        if evidence_id not in case.changes:
            check(given, found.given, case.files)
        command = ChangeEvidence(
            command_id=command_id,
            effective_at=services.now(),
            dispute_id=dispute_id,
            evidence_id=evidence_id,
            standing=found.standing,
            **_named(given),
        )
        await services.store.handle(command, origin_of(request))
        case = await services.store.state(DISPUTE_CASE, stream_of(dispute_id))
        if case.changes.get(evidence_id) != SET:
            found = await _stage(services, found, evidence_id, given, origin_of(request))
        facts = await services.store.read_stream(stream_of(dispute_id))
        headers = {"Ledger-Position": str(facts[-1].position)}
        return Response(evidence_of(found, facts), status_code=200, headers=headers)

    return await services.idempotency.run(request, idempotency_key, data, work)


def _named(given: Mapping[str, str]) -> dict[str, Any]:
    """Of which the ledger keeps the names, and the ids of files."""
    named = sorted(name for name in FILES & given.keys() if given[name])
    return {
        "texts": tuple(sorted(name for name, text in given.items() if text and name not in FILES)),
        "files": tuple(EvidenceFile(name, given[name]) for name in named),
        "cleared": tuple(sorted(name for name, value in given.items() if not value)),
    }


async def _stage(
    services: Services, found: DisputeCase, evidence_id: str, given: Mapping[str, str], origin: Origin
) -> DisputeCase:
    """What was unclear stays so: it is found out by looking, by a repeat or by the worker."""
    begun: dict[str, Any] = {
        "command_id": new_id("cmd"),
        "effective_at": services.now(),
        "dispute_id": found.id,
        "evidence_id": evidence_id,
    }
    try:
        found = await evidence.stage(services.stripe, found.id, evidence_id, given)
    except STRIPE_ERRORS as error:
        failure = failure_of(error)
        if failure.kind == "refused":
            refused = RecordEvidenceFailure(**begun, code=failure.code)
            await services.store.handle(refused, recorder(origin))
        log.warning("evidence_not_set", evidence_id=evidence_id, code=failure.code)
        raise _refusal(failure) from error
    await services.store.handle(RecordEvidence(**begun), recorder(origin))
    return found


def _refusal(failure: Failure) -> Exception:
    match failure.kind:
        case "refused":
            of = f": see `{failure.parameter}`" if failure.parameter else ""
            return DisputeAnswerRefused(f"Stripe does not take the evidence ({failure.code}){of}.")
        case "used":
            return IdempotencyMismatch(
                "This Idempotency-Key was used with other evidence: use a new key for a new intent."
            )
        case _:
            return StripeUnavailable(
                "Stripe did not say whether it has the evidence; send it again with the same key."
            )


HANDLERS = (get_evidence, set_evidence)
