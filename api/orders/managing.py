"""Whose orders a caller sees and makes: those of an organisation that they manage, asked of it itself."""

from __future__ import annotations

from typing import Any

from litestar import Request
from litestar.datastructures import State

from api.http.auth import Principal
from api.http.body import known_shape
from api.http.owner import is_admin
from api.organisations.membership import organisation_of
from api.services import Services
from ledger.errors import NotFound
from ledger.orders.decider import ORDER
from ledger.orders.state import Order
from ledger.orders.stream import stream_of
from ledger.organisations.standing import MANAGERS, unknown
from ledger.organisations.state import Organisation

Call = Request[Principal, Any, State]


async def managed(services: Services, request: Call, org_id: str) -> Organisation:
    """By the ledger. Raises `NotFound` for one that the caller does not manage, as for one there is not."""
    known_shape(org_id, "org_")
    organisation = await organisation_of(services.store, org_id)
    if not organisation.org_id or not _manages(request, organisation):
        raise unknown(org_id)
    return organisation


def _manages(request: Call, organisation: Organisation) -> bool:
    return is_admin(request) or organisation.members.get(request.user.id) in MANAGERS


async def order_of(services: Services, request: Call, order_id: str) -> Order:
    """By the ledger. Raises `NotFound`, also for one of an organisation that the caller does not manage."""
    known_shape(order_id, "ord_")
    order: Order = await services.store.state(ORDER, stream_of(order_id))
    organisation = await organisation_of(services.store, order.org_id)
    if not order.order_id or not _manages(request, organisation):
        raise NotFound(f"There is no order {order_id!r:.80}.")
    return order
