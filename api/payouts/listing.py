"""What instructors were paid, and are being paid."""

from __future__ import annotations

from typing import Any

from litestar import Request, get
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from api.http.auth import Principal
from api.http.body import CurrencyFilter, Since, Until, WhoseParameter, currency_of, span
from api.http.owner import is_admin, owner_of
from api.http.paging import Cursor, Limit, Page
from api.http.promises import responses
from api.http.responses import NOT_MODIFIED_SPEC, Read
from api.payouts.reads import LISTED, payout_row
from api.payouts.resources import InstructorPayout, payout_of
from api.reads import newest_first
from api.services import Services
from ledger.earnings.state import PayoutStatus
from ledger.errors import NotFound
from projections.earnings.payouts import INSTRUCTOR_PAYOUTS

TAGS = ["payouts"]


@get(
    "/api/payouts",
    operation_id="listPayouts",
    summary="Payouts to an instructor",
    tags=TAGS,
    responses=responses(NotFound) | NOT_MODIFIED_SPEC,
)
async def list_payouts(  # noqa: PLR0913, PLR0917  one for each query parameter
    request: Request[Principal, Any, State],
    services: NamedDependency[Services],
    cursor: Cursor = None,
    limit: Limit = 20,
    status: FromQuery[PayoutStatus | None] = None,
    currency: CurrencyFilter = None,
    since: Since = None,
    until: Until = None,
    user_id: WhoseParameter = None,
) -> Read[Page[InstructorPayout]]:
    """The caller's, the newest first; an admin's are everybody's, or one user's. `from` and `to` are about
    when it was reserved. What the connected account then pays to its bank is at `GET /api/payouts/bank`.
    """
    everybody = is_admin(request) and user_id is None
    start, end = span(since, until)
    filters = {
        "user_id": None if everybody else owner_of(request, user_id),
        "since": start,
        "until": end,
        "status": status,
        "currency": None if currency is None else currency_of(currency),
    }
    return await newest_first(
        services.reads, LISTED, INSTRUCTOR_PAYOUTS, filters, payout_of, cursor=cursor, limit=limit
    )


@get(
    "/api/payouts/{payout_id:str}",
    operation_id="getPayout",
    summary="A payout",
    tags=TAGS,
    responses=responses(NotFound) | NOT_MODIFIED_SPEC,
)
async def get_payout(
    payout_id: FromPath[str],
    request: Request[Principal, Any, State],
    services: NamedDependency[Services],
) -> Read[InstructorPayout]:
    return Read(payout_of(await payout_row(services, request, payout_id)))


HANDLERS = (list_payouts, get_payout)
