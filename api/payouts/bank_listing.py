"""What an instructor's connected account pays to their bank."""

from __future__ import annotations

from typing import Any

from litestar import Request, get
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromQuery

from api.http.auth import Principal
from api.http.body import WhoseParameter
from api.http.owner import owner_of
from api.http.paging import Cursor, Limit, Page
from api.http.promises import responses
from api.http.responses import NOT_MODIFIED_SPEC, Read
from api.payouts.bank_resources import BankPayout, bank_payout_of
from api.reads import newest_first, select
from api.services import Services
from ledger.bank_payouts.state import Status
from ledger.errors import NotFound
from projections.bank_payouts import BANK_PAYOUTS

OF_USER = select(
    """
    SELECT {columns}
    FROM {table}
    WHERE user_id = %(user_id)s AND position < %(before)s
        AND (%(status)s::text IS NULL OR status = %(status)s)
    ORDER BY position DESC
    LIMIT %(limit)s
    """,
    BANK_PAYOUTS,
)


@get(
    "/api/payouts/bank",
    operation_id="listBankPayouts",
    summary="What a connected account paid to its owner's bank",
    tags=["instructors"],
    responses=responses(NotFound) | NOT_MODIFIED_SPEC,
)
async def list_bank_payouts(
    request: Request[Principal, Any, State],
    services: NamedDependency[Services],
    cursor: Cursor = None,
    limit: Limit = 20,
    status: FromQuery[Status | None] = None,
    user_id: WhoseParameter = None,
) -> Read[Page[BankPayout]]:
    """The caller's, the newest first, as Stripe said last. One that bounced says why and what to do. At the
    bank as at Stripe the money is its owner's, so that nothing here changes what they have earned.
    """
    filters = {"user_id": owner_of(request, user_id), "status": status}
    return await newest_first(
        services.reads, OF_USER, BANK_PAYOUTS, filters, bank_payout_of, cursor=cursor, limit=limit
    )


HANDLERS = (list_bank_payouts,)
