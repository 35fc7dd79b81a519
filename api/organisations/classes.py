"""Classes of an organisation, and who is in them."""

from __future__ import annotations

from typing import Any

from litestar import Response, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from api.http.body import IdempotencyKey, known_shape, known_user
from api.http.paging import Cursor, Limit, Page
from api.http.preconditions import IDEMPOTENT
from api.http.promises import responses
from api.http.responses import NOT_MODIFIED_SPEC, Read
from api.organisations import reads
from api.organisations.deciding import (
    Call,
    decided,
    fields_of,
    name_of,
    named,
    seen,
    unwritten,
)
from api.organisations.membership import class_in, organisation_of
from api.organisations.resources import (
    ClassMember,
    ClassOfOrganisation,
    ListedClass,
    NewClassMember,
    OfOrganisation,
    PlaceInClass,
    RenameTo,
)
from api.services import Services, origin_of
from ledger.errors import Contended, NotFound
from ledger.ids import new_id
from ledger.organisations import commands
from ledger.organisations.refusals import (
    ClassIsArchived,
    OrganisationIsClosed,
    OrganisationRoleMissing,
    TooManyClasses,
    TooManyMembers,
)
from ledger.organisations.standing import MANAGERS
from ledger.organisations.state import MEMBER, Organisation

TAGS = ["classes"]


async def _shown(services: Services, organisation: Organisation, class_id: str) -> ClassOfOrganisation:
    known = organisation.classes[class_id]
    return ClassOfOrganisation(
        class_id=class_id,
        org_id=organisation.org_id,
        name=await name_of(services, known.words_id),
        archived=known.archived,
        members=len(known.members),
    )


@post(
    "/api/enterprise/organisations/{org_id:str}/classes",
    operation_id="createClass",
    summary="Create a class",
    tags=TAGS,
    opt={IDEMPOTENT: True},
    response_description="It is there",
    responses=responses(NotFound, OrganisationRoleMissing, OrganisationIsClosed, TooManyClasses),
)
async def create_class(
    org_id: FromPath[str],
    data: JSONBody[RenameTo],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[ClassOfOrganisation]:
    """By an owner or a manager."""
    known_shape(org_id, "org_")

    async def work(command_id: str) -> Response[Any]:
        class_id = services.id_of("cls", command_id)

        async def make() -> commands.CreateClass:
            command = commands.CreateClass(
                **fields_of(services, request, org_id, command_id),
                **unwritten(services, command_id),
                class_id=class_id,
                limits=services.catalogue.organisations,
            )
            return await named(services, command, await organisation_of(services.store, org_id), data.name)

        done = await services.submitter.submit_once(command_id, make, origin_of(request))
        shown = await _shown(services, await organisation_of(services.store, org_id), class_id)
        location = {"Location": f"/api/enterprise/organisations/{org_id}/classes/{class_id}"}
        return Response(shown, status_code=201, headers={**done.headers, **location})

    return await services.idempotency.run(request, idempotency_key, data, work)


@get(
    "/api/enterprise/organisations/{org_id:str}/classes",
    operation_id="listClasses",
    summary="The classes of an organisation",
    tags=TAGS,
    responses=responses(NotFound) | NOT_MODIFIED_SPEC,
)
async def list_classes(
    org_id: FromPath[str],
    request: Call,
    services: NamedDependency[Services],
    cursor: Cursor = None,
    limit: Limit = 20,
) -> Read[Page[ListedClass]]:
    """All of them for its owners and managers, for members those that they are in; the newest first."""
    _, role = await seen(services, request, org_id)
    query = reads.OWN_CLASSES if role == MEMBER else reads.CLASSES
    of = {"org_id": org_id, "user_id": request.user.id}
    return await reads.listed(services.reads, query, of, ListedClass, cursor=cursor, limit=limit)


@get(
    "/api/enterprise/organisations/{org_id:str}/classes/{class_id:str}",
    operation_id="getClass",
    summary="One class",
    tags=TAGS,
    responses=responses(NotFound) | NOT_MODIFIED_SPEC,
)
async def get_class(
    org_id: FromPath[str], class_id: FromPath[str], request: Call, services: NamedDependency[Services]
) -> Read[ClassOfOrganisation]:
    """For who is in it, for owners and managers of the organisation, and for admins."""
    organisation, role = await seen(services, request, org_id)
    class_in(organisation, known_shape(class_id, "cls_"), request.user.id, role)
    return Read(await _shown(services, organisation, class_id))


@patch(
    "/api/enterprise/organisations/{org_id:str}/classes/{class_id:str}",
    operation_id="renameClass",
    summary="Rename a class",
    tags=TAGS,
    opt={IDEMPOTENT: True},
    response_description="It is called so",
    responses=responses(NotFound, OrganisationRoleMissing, OrganisationIsClosed, ClassIsArchived),
)
async def rename_class(
    org_id: FromPath[str],
    class_id: FromPath[str],
    data: JSONBody[RenameTo],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[ClassOfOrganisation]:
    """By an owner or a manager."""
    known_shape(class_id, "cls_")

    async def make(fields: dict[str, Any]) -> commands.RenameClass:
        words = unwritten(services, fields["command_id"])
        command = commands.RenameClass(**fields, **words, class_id=class_id)
        return await named(services, command, await organisation_of(services.store, org_id), data.name)

    async def show(organisation: Organisation) -> ClassOfOrganisation:
        return await _shown(services, organisation, class_id)

    return await decided(services, request, org_id, (idempotency_key, data), make, show)


@post(
    "/api/enterprise/organisations/{org_id:str}/classes/{class_id:str}/archive",
    operation_id="archiveClass",
    summary="Archive a class",
    tags=TAGS,
    status_code=200,
    opt={IDEMPOTENT: True},
    response_description="It stays as it is",
    responses=responses(NotFound, OrganisationRoleMissing, OrganisationIsClosed),
)
async def archive_class(
    org_id: FromPath[str],
    class_id: FromPath[str],
    data: JSONBody[OfOrganisation],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[ClassOfOrganisation]:
    """By an owner or a manager, for good: its board goes on, and it makes room for another class."""
    known_shape(class_id, "cls_")

    async def make(fields: dict[str, Any]) -> commands.ArchiveClass:
        return commands.ArchiveClass(**fields, class_id=class_id)

    async def show(organisation: Organisation) -> ClassOfOrganisation:
        return await _shown(services, organisation, class_id)

    return await decided(services, request, org_id, (idempotency_key, data), make, show)


@get(
    "/api/enterprise/organisations/{org_id:str}/classes/{class_id:str}/members",
    operation_id="listClassMembers",
    summary="Who is in a class",
    tags=TAGS,
    responses=responses(NotFound, OrganisationRoleMissing) | NOT_MODIFIED_SPEC,
)
async def list_class_members(
    org_id: FromPath[str],
    class_id: FromPath[str],
    request: Call,
    services: NamedDependency[Services],
    cursor: Cursor = None,
    limit: Limit = 20,
) -> Read[Page[ClassMember]]:
    """For owners and managers of the organisation; who was added last comes first."""
    organisation, role = await seen(services, request, org_id, *MANAGERS)
    class_in(organisation, known_shape(class_id, "cls_"), request.user.id, role)
    of = {"class_id": class_id}
    return await reads.listed(
        services.reads, reads.CLASS_MEMBERS, of, ClassMember, cursor=cursor, limit=limit
    )


@post(
    "/api/enterprise/organisations/{org_id:str}/classes/{class_id:str}/members",
    operation_id="addToClass",
    summary="Add a member to a class",
    tags=TAGS,
    status_code=200,
    opt={IDEMPOTENT: True},
    response_description="They are in it",
    responses=responses(
        NotFound, OrganisationRoleMissing, OrganisationIsClosed, ClassIsArchived, TooManyMembers
    ),
)
async def add_to_class(
    org_id: FromPath[str],
    class_id: FromPath[str],
    data: JSONBody[NewClassMember],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[PlaceInClass]:
    """By an owner or a manager. A member of the organisation may be in several classes."""
    known_shape(class_id, "cls_")

    async def make(fields: dict[str, Any]) -> commands.AddToClass:
        limits = services.catalogue.organisations
        return commands.AddToClass(**fields, class_id=class_id, member_id=data.user_id, limits=limits)

    async def show(organisation: Organisation) -> PlaceInClass:
        return _place(organisation, class_id, data.user_id)

    return await decided(services, request, org_id, (idempotency_key, data), make, show)


@delete(
    "/api/enterprise/organisations/{org_id:str}/classes/{class_id:str}/members/{user_id:str}",
    operation_id="removeFromClass",
    summary="Take a member out of a class",
    tags=TAGS,
    status_code=200,
    response_description="They are not in it",
    responses=responses(NotFound, OrganisationRoleMissing, OrganisationIsClosed, ClassIsArchived, Contended),
)
async def remove_from_class(
    org_id: FromPath[str],
    class_id: FromPath[str],
    user_id: FromPath[str],
    request: Call,
    services: NamedDependency[Services],
) -> Response[PlaceInClass]:
    """By an owner or a manager. Harmless for who is not in it."""
    about: dict[str, Any] = {"class_id": known_shape(class_id, "cls_"), "member_id": known_user(user_id)}
    fields = fields_of(services, request, known_shape(org_id, "org_"), new_id("cmd"))
    command = commands.RemoveFromClass(**fields, **about)
    done = await services.submitter.submit(command, origin_of(request))
    organisation = await organisation_of(services.store, org_id)
    return Response(_place(organisation, class_id, user_id), headers=done.headers)


def _place(organisation: Organisation, class_id: str, user_id: str) -> PlaceInClass:
    is_in = user_id in organisation.classes[class_id].members
    return PlaceInClass(class_id=class_id, user_id=user_id, is_in=is_in)


HANDLERS = (
    create_class,
    list_classes,
    get_class,
    rename_class,
    archive_class,
    list_class_members,
    add_to_class,
    remove_from_class,
)
