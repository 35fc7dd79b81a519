"""Files that evidence names: passed on to Stripe, and kept nowhere here."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import msgspec
import structlog
from litestar import Response, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from api.disputes.asking import Call, at_stripe, known
from api.http.access import EVIDENCE
from api.http.body import IdempotencyKey
from api.http.preconditions import IDEMPOTENT
from api.http.problems import FieldError, StripeUnavailable, Unprocessable
from api.http.promises import responses
from api.services import Services, origin_of
from api.stripe.delivery import STRIPE_ERRORS
from api.stripe.disputes import evidence
from api.stripe.failures import failure_of
from ledger.disputes.commands import RecordDisputeFile
from ledger.disputes.decider import DISPUTE_CASE, check_in_time, check_waits
from ledger.disputes.events import DisputeFileUploaded
from ledger.disputes.refusals import (
    DisputeAlreadyAnswered,
    DisputeAnswerRefused,
    DisputeClosed,
    EvidencePastDue,
)
from ledger.disputes.stream import stream_of
from ledger.errors import IdempotencyMismatch, NotFound

ANOTHER_FILE = "This Idempotency-Key was used with another file: use a new key for a new file."
log = structlog.get_logger()
_BEGINNINGS = {
    "application/pdf": (b"%PDF-", "pdf"),
    "image/jpeg": (b"\xff\xd8\xff", "jpg"),
    "image/png": (b"\x89PNG\r\n\x1a\n", "png"),
}


class EvidenceFileBody(msgspec.Struct, frozen=True):
    """What a repeat with the same key must have again."""

    media_type: str
    digest: str


class EvidenceFile(msgspec.Struct, frozen=True, kw_only=True):
    file_id: str
    """For the fields of the evidence that name a file."""
    media_type: str
    size_bytes: int


@post(
    "/api/disputes/{dispute_id:str}/files",
    operation_id="uploadDisputeFile",
    summary="Upload a file of evidence",
    tags=["disputes"],
    opt={IDEMPOTENT: True},
    request_max_body_size=EVIDENCE.most_bytes,
    response_description="Stripe has it",
    responses=responses(
        NotFound,
        DisputeClosed,
        DisputeAlreadyAnswered,
        EvidencePastDue,
        DisputeAnswerRefused,
        StripeUnavailable,
    ),
)
async def upload_file(
    dispute_id: FromPath[str],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[EvidenceFile]:
    """The body is the file itself: a PDF, a JPEG or a PNG of 5 MB at most. It is passed on and not kept here,
    and the bank sees nothing of it before it is named in evidence that is submitted.
    """
    content = await request.body()
    media_type = request.headers["content-type"].partition(";")[0].strip().lower()
    beginning, ending = _BEGINNINGS[media_type]
    if not content.startswith(beginning):
        raise Unprocessable.at(
            FieldError(detail=f"what is sent does not begin as {media_type} does", pointer="")
        )

    async def work(command_id: str) -> Response[Any]:
        if recorded := await services.store.find_command(command_id):
            known_file = recorded[-1].event
            assert isinstance(known_file, DisputeFileUploaded)
            if (known_file.media_type, known_file.size_bytes) != (media_type, len(content)):
                raise IdempotencyMismatch(ANOTHER_FILE)
            return _answer(known_file, recorded[-1].position)
        await _check(services, dispute_id)
        upload_id = services.id_of("dfl", command_id)
        file_id = await _uploaded(services, upload_id, f"{upload_id}.{ending}", content)
        command = RecordDisputeFile(
            command_id=command_id,
            effective_at=services.now(),
            dispute_id=dispute_id,
            file_id=file_id,
            media_type=media_type,
            size_bytes=len(content),
        )
        outcome = await services.store.handle(command, origin_of(request))
        return _answer(command, outcome.position)

    body = EvidenceFileBody(media_type, sha256(content).hexdigest())
    return await services.idempotency.run(request, idempotency_key, body, work)


async def _check(services: Services, dispute_id: str) -> None:
    """Whether evidence is of any use."""
    await known(services, dispute_id)
    case = await services.store.state(DISPUTE_CASE, stream_of(dispute_id))
    standing = (await at_stripe(services, dispute_id)).standing
    check_waits(standing, case)
    check_in_time(standing, services.now())


async def _uploaded(services: Services, upload_id: str, name: str, content: bytes) -> str:
    try:
        return (await evidence.upload(services.stripe, upload_id, name, content)).id
    except STRIPE_ERRORS as error:
        failure = failure_of(error)
        if failure.kind == "refused":
            raise DisputeAnswerRefused(f"Stripe does not take the file ({failure.code}).") from error
        if failure.kind == "used":
            raise IdempotencyMismatch(ANOTHER_FILE) from error
        log.warning("dispute_file_unclear", upload_id=upload_id, code=failure.code)
        raise StripeUnavailable(
            "Stripe did not say whether it has the file; send it again with the same key."
        ) from error


def _answer(said: Any, position: int) -> Response[Any]:
    assert isinstance(said, DisputeFileUploaded | RecordDisputeFile)
    file = EvidenceFile(file_id=said.file_id, media_type=said.media_type, size_bytes=said.size_bytes)
    return Response(file, status_code=201, headers={"Ledger-Position": str(position)})


HANDLERS = (upload_file,)
