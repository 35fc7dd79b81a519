"""Inviting members, by their id or by a code, and what becomes of it."""

from __future__ import annotations

from typing import Any, Literal

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody

from api.http.body import IdempotencyKey, known_shape
from api.http.idempotency import Unkept
from api.http.paging import Cursor, Limit, Page
from api.http.preconditions import IDEMPOTENT
from api.http.promises import Refusal, responses
from api.http.responses import NOT_MODIFIED_SPEC, Read
from api.organisations import reads
from api.organisations.codes import hash_of, new_code, org_of
from api.organisations.deciding import TAGS, Call, decided, fields_of, owned_by, seen
from api.organisations.resources import (
    EndedInvitation,
    Invite,
    MemberInvitation,
    Membership,
    NewInvitation,
    OfOrganisation,
    OwnInvitation,
    ShowCode,
)
from api.services import Services, origin_of
from api.submitting import Submitted
from ledger.errors import NotFound
from ledger.organisations.commands import (
    DeclineInvitation,
    InviteMember,
    JoinOrganisation,
    WithdrawInvitation,
)
from ledger.organisations.events import MemberInvited
from ledger.organisations.refusals import (
    AlreadyInvited,
    AlreadyMember,
    InvitationIsOver,
    OrganisationIsClosed,
    OrganisationRoleMissing,
    TooManyInvitations,
    TooManyMembers,
    TooManyOrganisations,
)
from ledger.organisations.standing import MANAGERS
from ledger.organisations.state import Organisation, Role

JOINING: tuple[Refusal, ...] = (
    NotFound,
    OrganisationIsClosed,
    AlreadyMember,
    InvitationIsOver,
    TooManyMembers,
    TooManyOrganisations,
)


@post(
    "/api/enterprise/organisations/{org_id:str}/invitations",
    operation_id="inviteMember",
    summary="Invite a member",
    tags=TAGS,
    opt={IDEMPOTENT: True},
    response_description="They are invited",
    responses=responses(
        NotFound,
        OrganisationRoleMissing,
        OrganisationIsClosed,
        AlreadyMember,
        AlreadyInvited,
        TooManyInvitations,
    ),
)
async def invite_member(
    org_id: FromPath[str],
    data: JSONBody[Invite],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[NewInvitation]:
    """An owner for any role, a manager for members. Whoever shows a code first joins by it; it is shown in
    this answer alone: where that was lost, withdraw the invitation and make another. An invitation lasts for
    a time, and not longer than who made it may make such.
    """
    known_shape(org_id, "org_")

    async def work(command_id: str) -> Response[Any]:
        code = None if data.user_id else new_code(org_id)

        async def make() -> InviteMember:
            return InviteMember(
                **fields_of(services, request, org_id, command_id),
                invitation_id=services.id_of("oiv", command_id),
                role=data.role,
                invited_id=data.user_id or "",
                code_hash=hash_of(code) if code else "",
                limits=services.catalogue.organisations,
            )

        done = await services.submitter.submit_once(command_id, make, origin_of(request))
        shown = _invitation(done, data.role, None if done.repeated else code)
        return Unkept(shown, status_code=201, headers=done.headers)

    return await services.idempotency.run(request, idempotency_key, data, work)


def _invitation(done: Submitted, role: Role, code: str | None) -> NewInvitation:
    made = next(one.event for one in done.recorded if isinstance(one.event, MemberInvited))
    return NewInvitation(
        invitation_id=made.invitation_id,
        org_id=made.org_id,
        role=role,
        user_id=made.user_id or None,
        code=code,
        expires_at=made.expires_at,
    )


@get(
    "/api/enterprise/organisations/{org_id:str}/invitations",
    operation_id="listMemberInvitations",
    summary="The open invitations of an organisation",
    tags=TAGS,
    responses=responses(NotFound, OrganisationRoleMissing) | NOT_MODIFIED_SPEC,
)
async def list_member_invitations(
    org_id: FromPath[str],
    request: Call,
    services: NamedDependency[Services],
    cursor: Cursor = None,
    limit: Limit = 20,
) -> Read[Page[MemberInvitation]]:
    """For its owners and managers; the newest first."""
    await seen(services, request, org_id, *MANAGERS)
    of = {"org_id": org_id, "now": services.now()}
    return await reads.listed(
        services.reads, reads.INVITATIONS, of, MemberInvitation, cursor=cursor, limit=limit
    )


@get(
    "/api/enterprise/invitations",
    operation_id="listOwnInvitations",
    summary="Organisations that the caller is invited to",
    tags=TAGS,
    responses=NOT_MODIFIED_SPEC,
)
async def list_own_invitations(
    request: Call, services: NamedDependency[Services], cursor: Cursor = None, limit: Limit = 20
) -> Read[Page[OwnInvitation]]:
    """Open ones, the newest first; not those by a code."""
    of = {"user_id": request.user.id, "now": services.now()}
    return await reads.listed(
        services.reads, reads.OWN_INVITATIONS, of, OwnInvitation, cursor=cursor, limit=limit
    )


@post(
    "/api/enterprise/invitations/accept",
    operation_id="joinByCode",
    summary="Join an organisation by a code",
    tags=TAGS,
    status_code=200,
    opt={IDEMPOTENT: True},
    response_description="The caller is in it",
    responses=responses(*JOINING),
)
async def join_by_code(
    data: JSONBody[ShowCode],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[Membership]:
    """Each code is taken once."""
    of = {"code_hash": hash_of(data.code)}
    return await _joined(services, request, org_of(data.code), (idempotency_key, data), of)


@post(
    "/api/enterprise/organisations/{org_id:str}/invitations/{invitation_id:str}/accept",
    operation_id="acceptMemberInvitation",
    summary="Accept an invitation to an organisation",
    tags=TAGS,
    status_code=200,
    opt={IDEMPOTENT: True},
    response_description="The caller is in it",
    responses=responses(*JOINING),
)
async def accept_member_invitation(
    org_id: FromPath[str],
    invitation_id: FromPath[str],
    data: JSONBody[OfOrganisation],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[Membership]:
    """By whom it was made for."""
    of = {"invitation_id": known_shape(invitation_id, "oiv_")}
    return await _joined(services, request, org_id, (idempotency_key, data), of)


async def _joined(
    services: Services,
    request: Call,
    org_id: str,
    asked: tuple[str, ShowCode | OfOrganisation],
    by: dict[str, Any],
) -> Response[Any]:
    me = request.user.id

    async def make(fields: dict[str, Any]) -> JoinOrganisation:
        owned = await owned_by(services, me)
        return JoinOrganisation(**fields, **by, owned=owned, limits=services.catalogue.organisations)

    async def show(organisation: Organisation) -> Membership:
        return Membership(org_id=org_id, user_id=me, role=organisation.members.get(me))

    return await decided(services, request, org_id, asked, make, show, of_members=False)


def _ends(
    what: Literal["withdraw", "decline"],
    status: Literal["withdrawn", "declined"],
    command: type[WithdrawInvitation | DeclineInvitation],
    *refused: Refusal,
    description: str,
) -> HTTPRouteHandler:
    @post(
        f"/api/enterprise/organisations/{{org_id:str}}/invitations/{{invitation_id:str}}/{what}",
        operation_id=f"{what}MemberInvitation",
        summary=f"{what.capitalize()} an invitation to an organisation",
        description=description,
        tags=TAGS,
        status_code=200,
        opt={IDEMPOTENT: True},
        response_description="It is none any more",
        responses=responses(NotFound, OrganisationIsClosed, *refused),
    )
    async def end(
        org_id: FromPath[str],
        invitation_id: FromPath[str],
        data: JSONBody[OfOrganisation],
        request: Call,
        services: NamedDependency[Services],
        idempotency_key: IdempotencyKey,
    ) -> Response[EndedInvitation]:
        known_shape(invitation_id, "oiv_")

        async def make(fields: dict[str, Any]) -> WithdrawInvitation | DeclineInvitation:
            return command(**fields, invitation_id=invitation_id)

        async def show(_: Organisation) -> EndedInvitation:
            return EndedInvitation(invitation_id=invitation_id, org_id=org_id, status=status)

        asked = idempotency_key, data
        return await decided(services, request, org_id, asked, make, show, of_members=False)

    return end


withdraw_member_invitation = _ends(
    "withdraw",
    "withdrawn",
    WithdrawInvitation,
    OrganisationRoleMissing,
    description="By an owner, and those of members by a manager.",
)
decline_member_invitation = _ends(
    "decline", "declined", DeclineInvitation, description="By whom it was made for, who may be invited anew."
)

HANDLERS = (
    invite_member,
    list_member_invitations,
    list_own_invitations,
    join_by_code,
    accept_member_invitation,
    withdraw_member_invitation,
    decline_member_invitation,
)
