"""Whose events a caller may see: everybody's, or those of the organisations that they manage."""

from __future__ import annotations

from typing import Any

from litestar import Request
from litestar.datastructures import State

from api.http.auth import Principal
from api.http.owner import is_admin
from api.organisations.membership import all_organisations_of
from api.services import Services
from ledger.licences.decider import LICENCE
from ledger.licences.stream import stream_of
from ledger.organisations.standing import MANAGERS, unknown

Call = Request[Principal, Any, State]


async def visible_to(services: Services, request: Call, org_id: str | None) -> list[str] | None:
    """The organisations, or None for everybody's: an admin's, and a service's that is no organisation's own.
    With `org_id` that one alone; `NotFound` unless it is among them.
    """
    theirs = await _theirs(services, request)
    if org_id is None:
        return theirs
    if theirs is not None and org_id not in theirs:
        raise unknown(org_id)
    return [org_id]


async def _theirs(services: Services, request: Call) -> list[str] | None:
    if request.user.licence_id:  # whatever roles such a key has, it is its organisation's
        licence = await services.store.state(LICENCE, stream_of(request.user.licence_id))
        return [licence.org_id] if licence.org_id else []
    if is_admin(request) or "service" in request.user.roles:
        return None
    belongs = await all_organisations_of(services.point_reads, request.user.id)
    return [one.org_id for one in belongs if one.role in MANAGERS]
