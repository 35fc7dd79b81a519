"""Who manages the organisation of a licence: asked of the organisation, never of a credential's roles."""

from __future__ import annotations

from typing import Any

from litestar import Request
from litestar.datastructures import State

from api.http.auth import Principal
from api.http.body import known_shape
from api.http.owner import is_admin
from api.services import Services
from ledger.errors import NotFound
from ledger.licences.decider import LICENCE
from ledger.licences.state import Licence
from ledger.licences.stream import stream_of

Call = Request[Principal, Any, State]


async def may_manage(services: Services, request: Call, org_id: str) -> bool:  # noqa: ARG001 - see below
    """Administrators alone, as long as there are no organisations to ask."""
    return is_admin(request)


async def managed_by(services: Services, request: Call) -> list[str] | None:  # noqa: ARG001 - as above
    """The organisations that the caller manages; None is all."""
    return None if is_admin(request) else []


async def licence_of(services: Services, request: Call, licence_id: str) -> Licence:
    """By the ledger. Raises `NotFound`, also for one of an organisation that the caller does not manage."""
    known_shape(licence_id, "lic_")
    licence: Licence = await services.store.state(LICENCE, stream_of(licence_id))
    if not licence.licence_id or not await may_manage(services, request, licence.org_id):
        raise NotFound(f"There is no licence {licence_id!r:.80}.")
    return licence
