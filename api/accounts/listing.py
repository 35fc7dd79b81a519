"""Everybody's connected accounts, for who looks after the money."""

from __future__ import annotations

from typing import Any

from litestar import Request, get
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromQuery

from api.accounts.resources import ListedAccount, listed_of
from api.http.auth import Principal
from api.http.paging import Cursor, Limit, Page
from api.http.responses import NOT_MODIFIED_SPEC, Read
from api.reads import newest_first, select
from api.services import Services
from ledger.accounts.standing import Status
from projections.accounts import CONNECTED_ACCOUNTS

ALL = select(
    """
    SELECT {columns}
    FROM {table}
    WHERE position < %(before)s
        AND (%(status)s::text IS NULL OR status = %(status)s)
    ORDER BY position DESC
    LIMIT %(limit)s
    """,
    CONNECTED_ACCOUNTS,
)


@get(
    "/api/instructor/accounts",
    operation_id="listConnectedAccounts",
    summary="List connected accounts",
    tags=["instructors"],
    responses=NOT_MODIFIED_SPEC,
)
async def list_connected_accounts(
    request: Request[Principal, Any, State],  # noqa: ARG001  of all
    services: NamedDependency[Services],
    cursor: Cursor = None,
    limit: Limit = 20,
    status: FromQuery[Status | None] = None,
) -> Read[Page[ListedAccount]]:
    """The newest first, one for each user who ever asked for one."""
    filters = {"status": status}
    return await newest_first(
        services.reads, ALL, CONNECTED_ACCOUNTS, filters, listed_of, cursor=cursor, limit=limit
    )


HANDLERS = (list_connected_accounts,)
