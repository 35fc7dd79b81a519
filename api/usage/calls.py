"""The guard of calls by an organisation's API keys: each is counted, and beyond a hard limit refused."""

from __future__ import annotations

from typing import Any

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from api.http.access import ACCESS, operation_of
from api.http.auth import Principal
from api.metering import ApiCalls


async def call_guard(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Runs after the other guards, so that what they refuse is not counted."""
    principal: Principal | None = connection.scope.get("user")
    if principal is None or not principal.licence_id or connection.scope.get("method") == "OPTIONS":
        return
    access = ACCESS.get(operation_of(handler))
    if access is not None and access.counted:
        calls: ApiCalls = connection.app.state.services.api_calls
        await calls.count(principal.licence_id)
