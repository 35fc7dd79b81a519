"""What all that is asked of an organisation has in common: its command, and how it is answered."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import msgspec
from litestar import Request, Response
from litestar.datastructures import State

from api.courses.resources import ERASED
from api.courses.writing import UNWRITTEN
from api.http.auth import Principal
from api.http.body import known_shape
from api.http.checks import blank_fault
from api.http.owner import is_admin
from api.http.problems import FieldError, Unprocessable
from api.organisations import reads
from api.organisations.membership import organisation_of, standing_in
from api.organisations.words import NAMES
from api.services import Services, origin_of
from ledger.organisations.commands import (
    CreateClass,
    CreateOrganisation,
    OrganisationCommand,
    RenameClass,
    RenameOrganisation,
)
from ledger.organisations.decider import ORGANISATION
from ledger.organisations.standing import require
from ledger.organisations.state import Organisation, Role

Call = Request[Principal, Any, State]
TAGS = ["organisations"]
Naming = TypeVar("Naming", CreateOrganisation, RenameOrganisation, CreateClass, RenameClass)
Make = Callable[[dict[str, Any]], Awaitable[OrganisationCommand]]
Show = Callable[[Organisation], Awaitable[Any]]


async def decided(
    services: Services,
    request: Call,
    org_id: str,
    asked: tuple[str, msgspec.Struct],
    make: Make,
    show: Show,
    *,
    of_members: bool = True,
) -> Response[Any]:
    """`asked` is the key and the body. `make` is given what each command has, `show` the organisation as it
    is after it: where that is `of_members`, who repeats it is asked whether they still are one.
    """
    known_shape(org_id, "org_")
    key, body = asked

    async def work(command_id: str) -> Response[Any]:
        async def command() -> OrganisationCommand:
            return await make(fields_of(services, request, org_id, command_id))

        done = await services.submitter.submit_once(command_id, command, origin_of(request))
        if done.repeated and of_members:
            await check_inside(services, request, org_id)
        shown = await show(await organisation_of(services.store, org_id))
        return Response(shown, status_code=200, headers=done.headers)

    return await services.idempotency.run(request, key, body, work)


async def check_inside(services: Services, request: Call, org_id: str) -> None:
    """Raises `NotFound` for who is not in it (any more); administrators see all."""
    await standing_in(services.store, org_id, request.user.id, sees_all=is_admin(request))


def fields_of(services: Services, request: Call, org_id: str, command_id: str) -> dict[str, Any]:
    return {
        "command_id": command_id,
        "effective_at": services.now(),
        "org_id": org_id,
        "user_id": request.user.id,
    }


async def named(services: Services, command: Naming, organisation: Organisation, name: str) -> Naming:
    """With the hash of its name, which is written. Refused, if it must be, before anything is. Raises
    `Unprocessable` for a name of which nothing can be seen.
    """
    if fault := blank_fault(name):
        raise Unprocessable.at(FieldError(detail=fault, pointer="/name"))
    ORGANISATION.decide(command, organisation)
    async with services.reading() as connection:
        words_hash = await NAMES.write(connection, command.words_id, command.org_id, command.user_id, name)
    return msgspec.structs.replace(command, words_hash=words_hash)


def unwritten(services: Services, command_id: str) -> dict[str, Any]:
    """Where a name will be, in the fields of the command that gives it."""
    return {"words_id": services.id_of("wrd", command_id), "words_hash": UNWRITTEN}


async def name_of(services: Services, words_id: str) -> str:
    async with services.reading() as connection:
        found = await NAMES.read(connection, words_id)
    return ERASED if found is None else found[0]


async def owned_by(services: Services, user_id: str) -> int:
    async with services.reading() as connection:
        return await reads.owned(connection, user_id)


async def seen(
    services: Services, request: Call, org_id: str, *roles: Role
) -> tuple[Organisation, Role | None]:
    """For who is in it, in one of `roles` where any are named, and for admins. Raises as `require` does."""
    known_shape(org_id, "org_")
    organisation, role = await standing_in(
        services.store, org_id, request.user.id, sees_all=is_admin(request)
    )
    if roles and not is_admin(request):
        require(organisation, org_id, request.user.id, roles)
    return organisation, role
