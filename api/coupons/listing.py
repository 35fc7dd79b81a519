"""A maker's coupons; an administrator's are everybody's."""

from __future__ import annotations

from typing import Any

from litestar import Request, get
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath

from api.coupons.resources import Coupon, coupon_of, normal
from api.http.auth import Principal
from api.http.body import WhoseParameter
from api.http.owner import is_admin
from api.http.paging import Cursor, Limit, Page
from api.http.promises import responses
from api.http.responses import NOT_MODIFIED_SPEC, Read
from api.reads import newest_first, rows, select
from api.services import Services
from ledger.coupons.terms import is_code
from ledger.errors import Forbidden, NotFound
from projections.coupons.coupon import COUPONS

_OF_MAKER = """
    SELECT {columns}
    FROM {table}
    WHERE maker = %(user_id)s AND position < %(before)s
    ORDER BY position DESC
    LIMIT %(limit)s
"""
MAKERS, ALL = select(_OF_MAKER, COUPONS), select(_OF_MAKER.replace("maker = %(user_id)s", "true"), COUPONS)
ONE = select("SELECT {columns} FROM {table} WHERE code = %s", COUPONS)


@get(
    "/api/coupons",
    operation_id="listCoupons",
    summary="List coupons",
    tags=["coupons"],
    responses=NOT_MODIFIED_SPEC,
)
async def list_coupons(
    request: Request[Principal, Any, State],
    services: NamedDependency[Services],
    cursor: Cursor = None,
    limit: Limit = 20,
    user_id: WhoseParameter = None,
) -> Read[Page[Coupon]]:
    """Those that the caller made, the newest first; an admin's are everybody's."""
    if not is_admin(request) and user_id not in {None, request.user.id}:
        raise Forbidden("Only an admin may list another user's coupons.")
    of = user_id if is_admin(request) else request.user.id
    query = ALL if of is None else MAKERS
    filters = {"user_id": of}
    return await newest_first(services.reads, query, COUPONS, filters, coupon_of, cursor=cursor, limit=limit)


@get(
    "/api/coupons/{code:str}",
    operation_id="getCoupon",
    summary="One coupon",
    tags=["coupons"],
    responses=responses(NotFound) | NOT_MODIFIED_SPEC,
)
async def get_coupon(
    code: FromPath[str], request: Request[Principal, Any, State], services: NamedDependency[Services]
) -> Read[Coupon]:
    """For who made it and for admins; what it takes off a course is told by the course's price."""
    stored, found = normal(code), []
    if is_code(stored):
        async with services.reading() as connection:
            found = await rows(connection, ONE, COUPONS, (stored,))
    if not found or not (is_admin(request) or found[0].maker == request.user.id):
        raise NotFound(f"There is no coupon {code!r:.80}.")
    return Read(coupon_of(found[0]))


HANDLERS = (list_coupons, get_coupon)
