"""Whose endpoints a caller manages: an organisation's its owners and managers, all of them admins."""

from __future__ import annotations

from typing import Any

from litestar import Request
from litestar.datastructures import State

from api.endpoints.addresses import host_fault, url_fault
from api.http.auth import Principal
from api.http.body import known_shape
from api.http.owner import is_admin
from api.http.problems import FieldError, Unprocessable
from api.organisations.membership import organisation_of
from api.services import Services
from api.settings import Settings
from ledger.endpoints.decider import ENDPOINT, unknown
from ledger.endpoints.state import Endpoint
from ledger.endpoints.stream import stream_of
from ledger.errors import Forbidden
from ledger.organisations import standing

Call = Request[Principal, Any, State]


async def check_owner(services: Services, request: Call, org_id: str | None) -> None:
    """Of one to be made. Raises `Forbidden` for the platform's, and `NotFound` for an organisation that the
    caller does not manage.
    """
    if org_id is None:
        if not is_admin(request):
            raise Forbidden("Only an admin has an endpoint of all events: name your organisation, `org_id`.")
    elif not await _manages(services, request, org_id):
        raise standing.unknown(org_id)
    else:
        standing.check_open(await organisation_of(services.store, org_id))


async def endpoint_of(services: Services, request: Call, endpoint_id: str) -> Endpoint:
    """By the ledger. Raises `NotFound`, also for one that the caller does not manage."""
    known_shape(endpoint_id, "whe_")
    endpoint = await services.store.state(ENDPOINT, stream_of(endpoint_id))
    if not endpoint.endpoint_id or endpoint.deleted or not await _manages(services, request, endpoint.org_id):
        raise unknown(endpoint_id)
    return endpoint


async def _manages(services: Services, request: Call, org_id: str) -> bool:
    organisation = await organisation_of(services.store, org_id)
    if is_admin(request):
        return not org_id or bool(organisation.org_id)
    return organisation.members.get(request.user.id) in standing.MANAGERS


async def check_url(settings: Settings, url: str) -> None:
    """Raises `Unprocessable` for where no webhook may go. Each connection is checked once more."""
    loopback = settings.webhook_loopback
    fault = url_fault(url, loopback=loopback) or await host_fault(url, loopback=loopback)
    if fault:
        raise Unprocessable.at(FieldError(detail=fault, pointer="/url"))
