"""Certificates: claimed by who completed a course, checked by anybody, printed by their holder."""

from __future__ import annotations

import asyncio
from datetime import datetime
from hashlib import blake2b
from typing import Any, Literal

import msgspec
from litestar import Request, Response, get, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from api.courses.resources import ERASED, Level
from api.enrolments import certificate_pdf, certificate_words
from api.enrolments.certificate_pdf import CertificatePage
from api.enrolments.certifying import FEATURE
from api.http.auth import Principal
from api.http.body import IdempotencyKey, known_shape
from api.http.document import MEDIA_TYPES
from api.http.owner import is_admin
from api.http.positions import find
from api.http.preconditions import IDEMPOTENT
from api.http.problems import ApiError, PositionNotReached, TooSlow, Unprocessable
from api.http.promises import responses
from api.http.responses import NOT_MODIFIED, NOT_MODIFIED_SPEC, Read, matches
from api.lettering import LettersMissing, fonts_in
from api.organisations.branding import Brand, brand_for
from api.reads import rows_of, select
from api.services import Services, origin_of
from api.settings import Settings
from api.submitting import Submitted
from api.subscriptions.entitlements import FeatureMissing, FeatureProblem, require
from ledger.enrolments.decider import ENROLMENT
from ledger.enrolments.learning.commands import IssueCertificate
from ledger.enrolments.learning.refusals import AccessEnded, LearningFrozen, NotCompleted
from ledger.enrolments.stream import stream_of
from ledger.errors import NotFound
from projections.certificates import CERTIFICATES, CertificateRow

Call = Request[Principal, Any, State]
Asked = Request[Principal | None, Any, State]
TAGS = ["certificates"]


class ClaimCertificate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An empty object: the address says it all."""


class Claimed(msgspec.Struct, frozen=True, kw_only=True):
    """What it says is at `GET /api/certificates/{certificate_id}`: answers that an `Idempotency-Key` keeps
    hold nothing that could be erased.
    """

    certificate_id: str
    enrolment_id: str
    course_id: str
    status: Literal["valid", "revoked"]


class Certificate(msgspec.Struct, frozen=True, kw_only=True):
    """What was certified. `name` is null, and `erased` true, once its holder had their name erased."""

    certificate_id: str
    status: Literal["valid", "revoked"]
    name: str | None
    erased: bool
    course_id: str
    course: str
    level: Level
    revision: int
    """Of the course, as it was completed."""
    completed_at: datetime
    issued_at: datetime
    revoked_at: datetime | None
    """When the access was lost, as the money was given back."""


class NameMissing(ApiError):
    """A certificate says who completed the course, and the caller has given no name."""

    code = "name_missing"
    remedy = "Give a `name` with `PUT /api/me`, and claim it again."
    passing = True


class CertificateUnprintable(ApiError):
    """The certificate was revoked, or the name on it erased."""

    code = "certificate_unprintable"
    remedy = "Read `GET /api/certificates/{certificate_id}`, which shows what is left of it."
    passing = False


@post(
    "/api/courses/{course_id:str}/certificate",
    operation_id="claimCertificate",
    summary="Claim a certificate",
    tags=TAGS,
    status_code=200,
    opt={IDEMPOTENT: True},
    response_description="It is issued",
    responses=responses(
        NotFound,
        AccessEnded,
        LearningFrozen,
        NotCompleted,
        NameMissing,
        bodies={FeatureMissing: FeatureProblem},
    ),
)
async def claim_certificate(
    course_id: FromPath[str],
    data: JSONBody[ClaimCertificate],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[Claimed]:
    """Of a completed course, where none was issued by itself: as the plan had no `certificates` then, or no
    name was known. Asked again it is the same one.
    """
    known_shape(course_id, "crs_")

    async def work(command_id: str) -> Response[Any]:
        async def make() -> IssueCertificate:
            return await _issue(services, course_id, request.user.id, command_id)

        done = await services.submitter.submit_once(command_id, make, origin_of(request))
        return await _claimed(services, course_id, request.user.id, done)

    return await services.idempotency.run(request, idempotency_key, data, work)


async def _issue(services: Services, course_id: str, learner_id: str, command_id: str) -> IssueCertificate:
    """Refused, if it must be, before anything is written. One that is there needs neither plan nor name."""
    enrolment = await services.store.state(ENROLMENT, stream_of(course_id, learner_id))
    command = IssueCertificate(
        command_id=command_id,
        effective_at=services.now(),
        course_id=course_id,
        learner_id=learner_id,
        enrolment_id=enrolment.enrolment_id,
        words_id="",
        words_hash="",
    )
    if not ENROLMENT.decide(command, enrolment):
        return command
    completed = enrolment.learning.of(enrolment.enrolment_id).completed
    assert completed is not None, "nothing else is certified"
    await require(services, learner_id, FEATURE)
    async with services.reading() as connection:
        named = await certificate_words.write(connection, services.id_of("wrd", command_id), completed)
    if named is None:
        raise NameMissing("A certificate needs a name to be for: give yours with PUT /api/me first.")
    return msgspec.structs.replace(command, words_id=named.words_id, words_hash=named.words_hash)


async def _claimed(services: Services, course_id: str, learner_id: str, done: Submitted) -> Response[Claimed]:
    enrolment = await services.store.state(ENROLMENT, stream_of(course_id, learner_id))
    held = enrolment.learning.of(enrolment.enrolment_id).certificate
    if held is None:
        raise NotFound("This certificate was of an enrolment that is no longer the one that counts.")
    shown = Claimed(
        certificate_id=held.certificate_id,
        enrolment_id=enrolment.enrolment_id,
        course_id=course_id,
        status=held.status,
    )
    location = {"Location": f"/api/certificates/{held.certificate_id}"}
    return Response(shown, status_code=200, headers={**done.headers, **location})


_ONE = """
    SELECT {columns}, name, title
    FROM (
        SELECT c.*, w.name, coalesce(w.title, cw.title) AS title
        FROM {table} AS c
        LEFT JOIN certificate_words AS w USING (words_id)
        LEFT JOIN course_revisions AS r USING (course_id, revision)
        LEFT JOIN course_words AS cw ON cw.words_id = r.content ->> 'words_id'
        WHERE c.certificate_id = %s
    ) AS one
"""
_FULL = select(_ONE, CERTIFICATES)


class Kept(msgspec.Struct, frozen=True):
    """A certificate with what stands beside its row."""

    row: CertificateRow
    name: str | None
    course: str


async def _found(services: Services, certificate_id: str) -> Kept:
    """Raises `NotFound`."""
    known_shape(certificate_id, "crt_")

    async def look() -> tuple[Any, ...] | None:
        async with services.reading() as connection:
            return await (await connection.execute(_FULL, (certificate_id,))).fetchone()

    found = await find(look, services.positions)
    if found is None:
        raise NotFound(f"There is no certificate {certificate_id}.")
    *columns, name, title = found
    (row,) = rows_of(CERTIFICATES, [tuple(columns)])
    return Kept(row, name, ERASED if title is None else title)


@get(
    "/api/certificates/{certificate_id:str}",
    operation_id="getCertificate",
    summary="Check a certificate",
    tags=TAGS,
    responses=responses(NotFound, Unprocessable, PositionNotReached, TooSlow) | NOT_MODIFIED_SPEC,
)
async def get_certificate(
    certificate_id: FromPath[str], services: NamedDependency[Services]
) -> Read[Certificate]:
    """For everybody who has its id: what was certified, and whether it holds now."""
    kept = await _found(services, certificate_id)
    row = kept.row
    return Read(
        Certificate(
            certificate_id=row.certificate_id,
            status="valid" if row.revoked_at is None else "revoked",
            name=kept.name,
            erased=kept.name is None,
            course_id=row.course_id,
            course=kept.course,
            level=msgspec.convert(row.level, Level),
            revision=row.revision,
            completed_at=row.completed_at,
            issued_at=row.issued_at,
            revoked_at=row.revoked_at,
        )
    )


@get(
    "/api/certificates/{certificate_id:str}/pdf",
    operation_id="getCertificatePdf",
    summary="A certificate as PDF",
    tags=TAGS,
    media_type=certificate_pdf.MEDIA_TYPE,
    opt={MEDIA_TYPES: (certificate_pdf.MEDIA_TYPE,)},
    responses=responses(NotFound, CertificateUnprintable, LettersMissing) | NOT_MODIFIED_SPEC,
)
async def get_certificate_pdf(
    certificate_id: FromPath[str], request: Call, services: NamedDependency[Services]
) -> Response[bytes]:
    """For its holder: one page, with the address at which anybody can check it. The same bytes each time, as
    long as the brand of the holder's organisation is the same.
    """
    kept = await _found(services, certificate_id)
    if request.user.id != kept.row.learner_id and not is_admin(request):
        raise NotFound(f"There is no certificate {certificate_id}.")
    page = _page(services.settings, kept, await brand_for(services, kept.row.learner_id))
    etag = f'"{blake2b(msgspec.json.encode(page), digest_size=12).hexdigest()}"'
    headers = {"ETag": etag}
    wanted = request.headers.get("if-none-match")
    if wanted is not None and matches(wanted, etag):
        return Response(b"", status_code=NOT_MODIFIED, headers=headers)
    headers["Content-Disposition"] = f'attachment; filename="certificate-{certificate_id}.pdf"'
    fonts = fonts_in(services.settings.fonts_dir)
    body = await asyncio.to_thread(certificate_pdf.render, page, fonts)
    return Response(body, media_type=certificate_pdf.MEDIA_TYPE, headers=headers)


def _page(settings: Settings, kept: Kept, brand: Brand | None) -> CertificatePage:
    row = kept.row
    if row.revoked_at is not None or kept.name is None:
        why = "the name on it was erased" if row.revoked_at is None else "it was revoked"
        raise CertificateUnprintable(f"This certificate is printed no more: {why}.")
    return CertificatePage(
        certificate_id=row.certificate_id,
        issuer=settings.seller.splitlines()[0],
        name=kept.name,
        course=kept.course,
        level=row.level,
        revision=row.revision,
        completed_at=row.completed_at,
        address=f"{settings.address}/api/certificates/{row.certificate_id}",
        brand=brand,
    )


HANDLERS = (claim_certificate, get_certificate, get_certificate_pdf)
