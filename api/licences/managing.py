"""Who manages the organisation of a licence: asked of the organisation, never of a credential's roles."""

from __future__ import annotations

from typing import Any

from litestar import Request
from litestar.datastructures import State

from api.http.auth import Principal
from api.http.body import known_shape
from api.http.owner import is_admin
from api.http.problems import FieldError, Unprocessable
from api.organisations.membership import all_organisations_of, organisation_of
from api.services import Services
from ledger.errors import NotFound
from ledger.licences.decider import LICENCE
from ledger.licences.state import Licence
from ledger.licences.stream import stream_of
from ledger.organisations.standing import MANAGERS, check_open
from ledger.store import Store

Call = Request[Principal, Any, State]


async def may_manage(services: Services, request: Call, org_id: str) -> bool:
    """Administrators, and who is an owner or a manager of it now."""
    if is_admin(request):
        return True
    organisation = await organisation_of(services.store, org_id)
    return organisation.members.get(request.user.id) in MANAGERS


async def managed_by(services: Services, request: Call) -> list[str] | None:
    """The organisations that the caller manages, closed ones too, as far as it is projected; None is all."""
    if is_admin(request):
        return None
    belongs = await all_organisations_of(services.point_reads, request.user.id)
    return [one.org_id for one in belongs if one.role in MANAGERS]


async def check_organisation(services: Services, org_id: str) -> None:
    """That it can be given a licence. Raises `Unprocessable` and `OrganisationIsClosed`."""
    await check_can_have_licences(services.store, org_id)


async def check_can_have_licences(store: Store, org_id: str) -> None:
    """As `check_organisation`, by the ledger alone."""
    organisation = await organisation_of(store, org_id)
    if not organisation.org_id:
        raise Unprocessable.at(FieldError(detail="there is no such organisation", pointer="/org_id"))
    check_open(organisation)


async def licence_of(services: Services, request: Call, licence_id: str) -> Licence:
    """By the ledger. Raises `NotFound`, also for one of an organisation that the caller does not manage."""
    known_shape(licence_id, "lic_")
    licence: Licence = await services.store.state(LICENCE, stream_of(licence_id))
    if not licence.licence_id or not await may_manage(services, request, licence.org_id):
        raise NotFound(f"There is no licence {licence_id!r:.80}.")
    return licence
