"""Who is in an organisation: listed, given another role, removed."""

from __future__ import annotations

from typing import Any

from litestar import Response, delete, get, patch
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from api.http.body import IdempotencyKey, known_shape, known_user
from api.http.paging import Cursor, Limit, Page
from api.http.preconditions import IDEMPOTENT
from api.http.promises import responses
from api.http.responses import NOT_MODIFIED_SPEC, Read
from api.organisations import reads
from api.organisations.deciding import TAGS, Call, decided, fields_of, owned_by, seen
from api.organisations.membership import organisation_of
from api.organisations.resources import Member, Membership, NewRole
from api.services import Services, origin_of
from ledger.errors import Contended, NotFound
from ledger.ids import new_id
from ledger.organisations.commands import ChangeMemberRole, RemoveMember
from ledger.organisations.refusals import (
    LastOwner,
    OrganisationIsClosed,
    OrganisationRoleMissing,
    TooManyOrganisations,
)
from ledger.organisations.standing import MANAGERS
from ledger.organisations.state import OWNER, Organisation


@get(
    "/api/enterprise/organisations/{org_id:str}/members",
    operation_id="listMembers",
    summary="The members of an organisation",
    tags=TAGS,
    responses=responses(NotFound, OrganisationRoleMissing) | NOT_MODIFIED_SPEC,
)
async def list_members(
    org_id: FromPath[str],
    request: Call,
    services: NamedDependency[Services],
    cursor: Cursor = None,
    limit: Limit = 20,
) -> Read[Page[Member]]:
    """For its owners and managers; who joined last comes first."""
    await seen(services, request, org_id, *MANAGERS)
    of = {"org_id": org_id}
    return await reads.listed(services.reads, reads.MEMBERS, of, Member, cursor=cursor, limit=limit)


@patch(
    "/api/enterprise/organisations/{org_id:str}/members/{user_id:str}",
    operation_id="changeMemberRole",
    summary="Give a member another role",
    tags=TAGS,
    opt={IDEMPOTENT: True},
    response_description="The member has that role",
    responses=responses(
        NotFound, OrganisationRoleMissing, OrganisationIsClosed, LastOwner, TooManyOrganisations
    ),
)
async def change_member_role(
    org_id: FromPath[str],
    user_id: FromPath[str],
    data: JSONBody[NewRole],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[Membership]:
    """By an owner. Open invitations that the member made and no longer may make are withdrawn."""
    member_id = known_user(user_id)

    async def make(fields: dict[str, Any]) -> ChangeMemberRole:
        return ChangeMemberRole(
            **fields,
            member_id=member_id,
            role=data.role,
            owned=await owned_by(services, member_id) if data.role == OWNER else 0,
            limits=services.catalogue.organisations,
        )

    async def show(organisation: Organisation) -> Membership:
        return _membership(organisation, org_id, member_id)

    return await decided(services, request, org_id, (idempotency_key, data), make, show)


@delete(
    "/api/enterprise/organisations/{org_id:str}/members/{user_id:str}",
    operation_id="removeMember",
    summary="Remove a member",
    tags=TAGS,
    status_code=200,
    response_description="They are not in it",
    responses=responses(NotFound, OrganisationRoleMissing, OrganisationIsClosed, LastOwner, Contended),
)
async def remove_member(
    org_id: FromPath[str], user_id: FromPath[str], request: Call, services: NamedDependency[Services]
) -> Response[Membership]:
    """By an owner, and of members by a manager: from the organisation and its classes, with the open
    invitations that they made. Harmless for who is not in it.
    """
    member_id = known_user(user_id)
    fields = fields_of(services, request, known_shape(org_id, "org_"), new_id("cmd"))
    command = RemoveMember(**fields, member_id=member_id)
    done = await services.submitter.submit(command, origin_of(request))
    organisation = await organisation_of(services.store, org_id)
    return Response(_membership(organisation, org_id, member_id), headers=done.headers)


def _membership(organisation: Organisation, org_id: str, user_id: str) -> Membership:
    return Membership(org_id=org_id, user_id=user_id, role=organisation.members.get(user_id))


HANDLERS = (list_members, change_member_role, remove_member)
