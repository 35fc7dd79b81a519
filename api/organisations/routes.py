"""Creating an organisation, looking at it, renaming and closing it, and leaving."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from api.http.body import IdempotencyKey, WhoseParameter
from api.http.owner import is_admin, owner_of
from api.http.paging import Cursor, Limit, Page
from api.http.preconditions import IDEMPOTENT
from api.http.problems import FieldError, Unprocessable
from api.http.promises import responses
from api.http.responses import NOT_MODIFIED_SPEC, Read
from api.organisations import reads
from api.organisations.deciding import (
    TAGS,
    Call,
    decided,
    fields_of,
    name_of,
    named,
    owned_by,
    seen,
    unwritten,
)
from api.organisations.membership import organisation_of
from api.organisations.resources import (
    Membership,
    NewOrganisation,
    OfOrganisation,
    Organisation,
    OwnOrganisation,
    RenameTo,
)
from api.services import Services, origin_of
from ledger.errors import NotFound
from ledger.organisations import commands
from ledger.organisations.refusals import (
    LastOwner,
    OrganisationIsClosed,
    OrganisationRoleMissing,
    TooManyOrganisations,
)
from ledger.organisations.state import Organisation as State


async def _shown(services: Services, request: Call, organisation: State) -> Organisation:
    return Organisation(
        org_id=organisation.org_id,
        name=await name_of(services, organisation.words_id),
        role=organisation.members.get(request.user.id),
        closed=organisation.closed,
        members=len(organisation.members),
    )


@post(
    "/api/enterprise/organisations",
    operation_id="createOrganisation",
    summary="Create an organisation",
    tags=TAGS,
    opt={IDEMPOTENT: True},
    response_description="It is there",
    responses=responses(NotFound, TooManyOrganisations),
)
async def create_organisation(
    data: JSONBody[NewOrganisation],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[Organisation]:
    """Who creates it is its owner; an admin creates it for a user."""
    owner_id = _owner(request, data)

    async def work(command_id: str) -> Response[Any]:
        org_id = services.id_of("org", command_id)

        async def make() -> commands.CreateOrganisation:
            command = commands.CreateOrganisation(
                **fields_of(services, request, org_id, command_id),
                **unwritten(services, command_id),
                owner_id=owner_id,
                owned=await owned_by(services, owner_id),
                limits=services.catalogue.organisations,
            )
            return await named(services, command, State(), data.name)

        done = await services.submitter.submit_once(command_id, make, origin_of(request))
        shown = await _shown(services, request, await organisation_of(services.store, org_id))
        location = {"Location": f"/api/enterprise/organisations/{org_id}"}
        return Response(shown, status_code=201, headers={**done.headers, **location})

    return await services.idempotency.run(request, idempotency_key, data, work)


def _owner(request: Call, data: NewOrganisation) -> str:
    if is_admin(request):
        if data.owner_id is None:
            fault = "is missing: an admin creates an organisation for the user who will own it"
            raise Unprocessable.at(FieldError(detail=fault, pointer="/owner_id"))
        return data.owner_id
    return owner_of(request, data.owner_id)


@get(
    "/api/enterprise/organisations",
    operation_id="listOrganisations",
    summary="The organisations that the caller is in",
    tags=TAGS,
    responses=responses(NotFound) | NOT_MODIFIED_SPEC,
)
async def list_organisations(
    request: Call,
    services: NamedDependency[Services],
    cursor: Cursor = None,
    limit: Limit = 20,
    user_id: WhoseParameter = None,
) -> Read[Page[OwnOrganisation]]:
    """The one last joined first; closed ones too."""
    of = {"user_id": owner_of(request, user_id)}
    return await reads.listed(
        services.reads, reads.ORGANISATIONS, of, OwnOrganisation, cursor=cursor, limit=limit
    )


@get(
    "/api/enterprise/organisations/{org_id:str}",
    operation_id="getOrganisation",
    summary="One organisation",
    tags=TAGS,
    responses=responses(NotFound) | NOT_MODIFIED_SPEC,
)
async def get_organisation(
    org_id: FromPath[str], request: Call, services: NamedDependency[Services]
) -> Read[Organisation]:
    """For who is in it, and for admins."""
    organisation, _ = await seen(services, request, org_id)
    return Read(await _shown(services, request, organisation))


@patch(
    "/api/enterprise/organisations/{org_id:str}",
    operation_id="renameOrganisation",
    summary="Rename an organisation",
    tags=TAGS,
    opt={IDEMPOTENT: True},
    response_description="It is called so",
    responses=responses(NotFound, OrganisationRoleMissing, OrganisationIsClosed),
)
async def rename_organisation(
    org_id: FromPath[str],
    data: JSONBody[RenameTo],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[Organisation]:
    """By an owner."""

    async def make(fields: dict[str, Any]) -> commands.RenameOrganisation:
        words = unwritten(services, fields["command_id"])
        command = commands.RenameOrganisation(**fields, **words)
        return await named(services, command, await organisation_of(services.store, org_id), data.name)

    async def show(organisation: State) -> Organisation:
        return await _shown(services, request, organisation)

    return await decided(services, request, org_id, (idempotency_key, data), make, show)


@post(
    "/api/enterprise/organisations/{org_id:str}/close",
    operation_id="closeOrganisation",
    summary="Close an organisation",
    tags=TAGS,
    status_code=200,
    opt={IDEMPOTENT: True},
    response_description="It is closed",
    responses=responses(NotFound, OrganisationRoleMissing),
)
async def close_organisation(
    org_id: FromPath[str],
    data: JSONBody[OfOrganisation],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[Organisation]:
    """By an owner or an admin, for good: who is in it sees it, and nothing of it changes any more."""

    async def make(fields: dict[str, Any]) -> commands.CloseOrganisation:
        return commands.CloseOrganisation(**fields, by_admin=is_admin(request))

    async def show(organisation: State) -> Organisation:
        return await _shown(services, request, organisation)

    return await decided(services, request, org_id, (idempotency_key, data), make, show)


@post(
    "/api/enterprise/organisations/{org_id:str}/leave",
    operation_id="leaveOrganisation",
    summary="Leave an organisation",
    tags=TAGS,
    status_code=200,
    opt={IDEMPOTENT: True},
    response_description="The caller is not in it",
    responses=responses(NotFound, LastOwner, OrganisationIsClosed),
)
async def leave_organisation(
    org_id: FromPath[str],
    data: JSONBody[OfOrganisation],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[Membership]:
    """And its classes. Open invitations that the caller made are withdrawn. The last owner stays."""

    async def make(fields: dict[str, Any]) -> commands.LeaveOrganisation:
        return commands.LeaveOrganisation(**fields)

    async def show(organisation: State) -> Membership:
        me = request.user.id
        return Membership(org_id=org_id, user_id=me, role=organisation.members.get(me))

    return await decided(services, request, org_id, (idempotency_key, data), make, show, of_members=False)


HANDLERS = (
    create_organisation,
    list_organisations,
    get_organisation,
    rename_organisation,
    close_organisation,
    leave_organisation,
)
