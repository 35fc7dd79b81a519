"""Each thing that changed what an instructor has, and how it was counted."""

from __future__ import annotations

from typing import Annotated, Any

from litestar import Request, get
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from api.earnings.explaining import movement_of
from api.earnings.reads import titles_of
from api.earnings.resources import Movement
from api.http.auth import Principal
from api.http.body import CurrencyFilter, WhoseParameter, currency_of
from api.http.owner import owner_of
from api.http.paging import Cursor, Limit, Page, before, page
from api.http.promises import responses
from api.http.responses import NOT_MODIFIED_SPEC, Read
from api.reads import rows, select
from api.services import Services
from api.words import NO_NUL
from ledger.errors import NotFound
from projections.earnings.movements import EARNINGS_MOVEMENTS

_OF_USER = """
    SELECT {columns}
    FROM {table}
    WHERE user_id = %(user_id)s AND position < %(before)s
        AND (%(currency)s::text IS NULL OR currency = %(currency)s)
        AND (%(course_id)s::text IS NULL OR course_id = %(course_id)s)
    ORDER BY position DESC
    LIMIT %(limit)s
"""
LISTED = select(_OF_USER, EARNINGS_MOVEMENTS)


@get(
    "/api/instructor/earnings/movements",
    operation_id="listEarningsMovements",
    summary="What changed an instructor's earnings, and how it was counted",
    tags=["earnings"],
    responses=responses(NotFound) | NOT_MODIFIED_SPEC,
)
async def list_movements(
    request: Request[Principal, Any, State],
    services: NamedDependency[Services],
    cursor: Cursor = None,
    limit: Limit = 20,
    currency: CurrencyFilter = None,
    course_id: Annotated[
        str | None, QueryParameter(min_length=1, max_length=200, pattern=NO_NUL, description="Of one course.")
    ] = None,
    user_id: WhoseParameter = None,
) -> Read[Page[Movement]]:
    """Sales, refunds, disputes lost and won, payouts and what comes back of them, and what disputes hold,
    newest first. Amounts add up to what is owed.
    """
    arguments = {
        "user_id": owner_of(request, user_id),
        "currency": None if currency is None else currency_of(currency),
        "course_id": course_id,
        "before": before(cursor),
        "limit": limit + 1,
    }
    async with services.reading() as connection:
        found = await rows(connection, LISTED, EARNINGS_MOVEMENTS, arguments)
        titles = await titles_of(connection, (row.course_id for row in found))
    shown = [movement_of(row, titles) for row in found]
    return Read(page(shown, limit, lambda one: (one.position,)))


HANDLERS = (list_movements,)
