"""May this user do that?"""

from __future__ import annotations

from typing import Any

from litestar import Request, get
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath

from api.http.auth import Principal
from api.http.body import WhoseParameter
from api.http.owner import owner_of
from api.http.promises import responses
from api.http.responses import NOT_MODIFIED_SPEC, Read
from api.services import Services
from api.subscriptions.entitlements import Entitlement, entitlement
from ledger.errors import NotFound

Call = Request[Principal, Any, State]


@get(
    "/api/features/{key:str}/check",
    operation_id="checkFeature",
    summary="Whether a feature may be used",
    tags=["subscriptions"],
    responses=responses(NotFound) | NOT_MODIFIED_SPEC,
)
async def check_feature(
    key: FromPath[str], request: Call, services: NamedDependency[Services], user_id: WhoseParameter = None
) -> Read[Entitlement]:
    """By the plan that counts now. Admins and services ask for any user."""
    user = owner_of(request, user_id, also="service")
    if not any(key in tier.features for tier in services.catalogue.tiers.values()):
        raise NotFound(f"There is no feature {key!r:.80}: GET /api/plans lists them.")
    return Read(await entitlement(services, user, key))


HANDLERS = (check_feature,)
