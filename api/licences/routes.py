"""The life of a licence: quoted, issued, activated, renewed, upgraded, suspended, revoked."""

from __future__ import annotations

from typing import Any

from litestar import Response, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from api.http.body import IdempotencyKey, currency_of
from api.http.owner import is_admin
from api.http.preconditions import IDEMPOTENT
from api.http.problems import FieldError, Unprocessable
from api.http.promises import responses
from api.licences.bodies import (
    LicenceQuoteAccepted,
    LicenceReason,
    LicenceRenewal,
    LicenceRevocation,
    LicenceUpgrade,
    NewLicence,
    NewLicenceQuote,
    OfLicence,
)
from api.licences.deciding import decided
from api.licences.managing import Call, check_organisation, licence_of
from api.licences.offers import Wanted, billed, granted, granted_next, last_grant, quoted
from api.licences.resources import LicenceStanding
from api.services import Services
from ledger.errors import Forbidden, NotFound
from ledger.licences.commands import (
    AcceptQuote,
    ActivateLicence,
    IssueLicence,
    LicenceCommand,
    QuoteLicence,
    ReinstateLicence,
    RenewLicence,
    RevokeLicence,
    SuspendLicence,
    UpgradeLicence,
)
from ledger.licences.refusals import (
    AlreadyRenewed,
    InvalidLicence,
    LicenceNotOpen,
    LicenceNotStarted,
    LicencePriceChanged,
    NotAnUpgrade,
    QuoteExpired,
    QuoteNotOpen,
)
from ledger.organisations.refusals import OrganisationIsClosed

TAGS = ["licences"]
MANAGED = (NotFound, LicenceNotOpen)


@post(
    "/api/enterprise/licenses/quote",
    operation_id="quoteLicence",
    summary="Quote a licence, or its renewal",
    tags=TAGS,
    opt={IDEMPOTENT: True},
    response_description="It can be accepted until `valid_until`",
    responses=responses(InvalidLicence, OrganisationIsClosed, *MANAGED),
)
async def quote_licence(
    data: JSONBody[NewLicenceQuote],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[LicenceStanding]:
    """All numbers of it are kept, whatever the catalogue becomes. A later quote takes its place. One for a
    renewal bridges the grace until its end.
    """
    if (data.org_id is None) == (data.licence_id is None):
        raise Unprocessable.at(FieldError(detail="give either this or `licence_id`", pointer="/org_id"))
    known = await licence_of(services, request, data.licence_id) if data.licence_id else None
    await check_organisation(services, known.org_id if known else data.org_id or "")
    currency = currency_of(data.currency or (known and known.currency) or "usd")

    async def command(command_id: str) -> LicenceCommand:
        billing = billed(data.billing, known, by_admin=True)
        return QuoteLicence(
            command_id=command_id,
            effective_at=services.now(),
            licence_id=data.licence_id or services.id_of("lic", command_id),
            org_id=data.org_id or "",
            quote_id=services.id_of("lqu", command_id),
            grant=quoted(services.catalogue, known, Wanted(data.tier, currency, data.custom), billing),
            months=data.months,
            billing=billing,
            valid_until=data.valid_until,
            starts_at=data.starts_at,
        )

    asked = (idempotency_key, data)
    return await decided(services, request, data.licence_id, asked, command, begins=True)


@post(
    "/api/enterprise/licenses/{licence_id:str}/accept",
    operation_id="acceptLicenceQuote",
    summary="Accept a quote",
    tags=TAGS,
    status_code=200,
    opt={IDEMPOTENT: True},
    response_description="The term is given, and invoiced",
    responses=responses(InvalidLicence, QuoteNotOpen, QuoteExpired, OrganisationIsClosed, *MANAGED),
)
async def accept_quote(
    licence_id: FromPath[str],
    data: JSONBody[LicenceQuoteAccepted],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[LicenceStanding]:
    """With its numbers, as long as it is valid; by who manages the organisation, or an admin."""
    known = await licence_of(services, request, licence_id)
    await check_organisation(services, known.org_id)

    async def command(command_id: str) -> LicenceCommand:
        return AcceptQuote(
            command_id=command_id,
            effective_at=services.now(),
            licence_id=licence_id,
            quote_id=data.quote_id,
        )

    return await decided(services, request, licence_id, (idempotency_key, data), command)


@post(
    "/api/enterprise/licenses/create",
    operation_id="issueLicence",
    summary="Issue a licence",
    tags=TAGS,
    opt={IDEMPOTENT: True},
    response_description="It is issued, and can be activated from `starts_at` on",
    responses=responses(InvalidLicence, OrganisationIsClosed),
)
async def issue_licence(
    data: JSONBody[NewLicence],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[LicenceStanding]:
    """On an invoice, or given. Its time runs from `starts_at`, also before it is activated."""
    await check_organisation(services, data.org_id)
    currency = currency_of(data.currency)

    async def command(command_id: str) -> LicenceCommand:
        return IssueLicence(
            command_id=command_id,
            effective_at=services.now(),
            licence_id=services.id_of("lic", command_id),
            org_id=data.org_id,
            grant=granted(services.catalogue, data.tier, currency, data.custom, by_admin=True),
            months=data.months,
            billing=billed(data.billing, None, by_admin=True),
            starts_at=data.starts_at,
        )

    return await decided(services, request, None, (idempotency_key, data), command, begins=True)


@post(
    "/api/enterprise/licenses/{licence_id:str}/activate",
    operation_id="activateLicence",
    summary="Activate a licence",
    tags=TAGS,
    status_code=200,
    opt={IDEMPOTENT: True},
    response_description="It works",
    responses=responses(LicenceNotStarted, *MANAGED),
)
async def activate_licence(
    licence_id: FromPath[str],
    data: JSONBody[OfLicence],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[LicenceStanding]:
    """Once, from when it begins. Before it a licence can be paid, renewed and upgraded, and gives nothing."""
    await licence_of(services, request, licence_id)

    async def command(command_id: str) -> LicenceCommand:
        return ActivateLicence(command_id=command_id, effective_at=services.now(), licence_id=licence_id)

    return await decided(services, request, licence_id, (idempotency_key, data), command)


@post(
    "/api/enterprise/licenses/{licence_id:str}/suspend",
    operation_id="suspendLicence",
    summary="Suspend a licence",
    tags=TAGS,
    status_code=200,
    opt={IDEMPOTENT: True},
    response_description="It does not work until it is reinstated",
    responses=responses(InvalidLicence, *MANAGED),
)
async def suspend_licence(
    licence_id: FromPath[str],
    data: JSONBody[LicenceReason],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[LicenceStanding]:
    """Its time goes on, and what is owed stays owed."""
    return await _reasoned(services, request, licence_id, (idempotency_key, data), SuspendLicence)


@post(
    "/api/enterprise/licenses/{licence_id:str}/reinstate",
    operation_id="reinstateLicence",
    summary="End the suspension of a licence",
    tags=TAGS,
    status_code=200,
    opt={IDEMPOTENT: True},
    response_description="It is as if it had not been suspended",
    responses=responses(InvalidLicence, *MANAGED),
)
async def reinstate_licence(
    licence_id: FromPath[str],
    data: JSONBody[LicenceReason],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[LicenceStanding]:
    """Where its time is over meanwhile, it is over."""
    return await _reasoned(services, request, licence_id, (idempotency_key, data), ReinstateLicence)


async def _reasoned(
    services: Services,
    request: Call,
    licence_id: str,
    asked: tuple[str, LicenceReason],
    kind: type[SuspendLicence | ReinstateLicence],
) -> Response[Any]:
    await licence_of(services, request, licence_id)

    async def command(command_id: str) -> LicenceCommand:
        return kind(
            command_id=command_id,
            effective_at=services.now(),
            licence_id=licence_id,
            reason=asked[1].reason,
        )

    return await decided(services, request, licence_id, asked, command)


@post(
    "/api/enterprise/licenses/{licence_id:str}/renew",
    operation_id="renewLicence",
    summary="Renew a licence",
    tags=TAGS,
    status_code=200,
    opt={IDEMPOTENT: True},
    response_description="It has one more term, which is invoiced",
    responses=responses(InvalidLicence, AlreadyRenewed, OrganisationIsClosed, Forbidden, *MANAGED),
)
async def renew_licence(
    licence_id: FromPath[str],
    data: JSONBody[LicenceRenewal],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[LicenceStanding]:
    """From the end of the last term while it is live or in grace, so that renewing early loses nothing; from
    now when it has lapsed, unless an admin asks for `backdate`. A smaller tier begins with it.
    """
    known, by_admin = await licence_of(services, request, licence_id), is_admin(request)
    await check_organisation(services, known.org_id)
    wanted = Wanted(data.tier, known.currency, data.custom)

    async def command(command_id: str) -> LicenceCommand:
        billing = billed(data.billing, known, by_admin=by_admin)
        return RenewLicence(
            command_id=command_id,
            effective_at=services.now(),
            licence_id=licence_id,
            term=data.term,
            grant=granted_next(services.catalogue, known, wanted, billing, by_admin=by_admin),
            months=data.months,
            billing=billing,
            backdate=data.backdate,
        )

    return await decided(services, request, licence_id, (idempotency_key, data), command)


@post(
    "/api/enterprise/licenses/{licence_id:str}/upgrade",
    operation_id="upgradeLicence",
    summary="Upgrade a licence",
    tags=TAGS,
    status_code=200,
    opt={IDEMPOTENT: True},
    response_description="It grants more from now on; the rest of the term is invoiced",
    responses=responses(
        InvalidLicence, NotAnUpgrade, LicencePriceChanged, OrganisationIsClosed, Forbidden, *MANAGED
    ),
)
async def upgrade_licence(
    licence_id: FromPath[str],
    data: JSONBody[LicenceUpgrade],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[LicenceStanding]:
    """At once, for the difference of the prices over what is left of the term, to the second; also in the
    terms of its tier that were given ahead. What takes anything away waits for the next term.
    """
    known, by_admin = await licence_of(services, request, licence_id), is_admin(request)
    await check_organisation(services, known.org_id)

    async def command(command_id: str) -> LicenceCommand:
        last_grant(known)
        return UpgradeLicence(
            command_id=command_id,
            effective_at=services.now(),
            licence_id=licence_id,
            grant=granted(services.catalogue, data.tier, known.currency, data.custom, by_admin=by_admin),
            billing=billed(data.billing, known, by_admin=by_admin),
            expected_minor=data.expected_minor,
        )

    return await decided(services, request, licence_id, (idempotency_key, data), command)


@post(
    "/api/enterprise/licenses/{licence_id:str}/revoke",
    operation_id="revokeLicence",
    summary="End a licence for good",
    tags=TAGS,
    status_code=200,
    opt={IDEMPOTENT: True},
    response_description="It does not work any more",
    responses=responses(InvalidLicence, *MANAGED),
)
async def revoke_licence(
    licence_id: FromPath[str],
    data: JSONBody[LicenceRevocation],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[LicenceStanding]:
    """With `credit`, what is not earned is given back: less is open, and what is beyond that is owed to the
    organisation.
    """
    await licence_of(services, request, licence_id)

    async def command(command_id: str) -> LicenceCommand:
        return RevokeLicence(
            command_id=command_id,
            effective_at=services.now(),
            licence_id=licence_id,
            reason=data.reason,
            credit=data.credit,
        )

    return await decided(services, request, licence_id, (idempotency_key, data), command)


HANDLERS = (
    quote_licence,
    accept_quote,
    issue_licence,
    activate_licence,
    suspend_licence,
    reinstate_licence,
    renew_licence,
    upgrade_licence,
    revoke_licence,
)
