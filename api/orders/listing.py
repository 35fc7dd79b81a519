"""An organisation's orders, and one of them with its items."""

from __future__ import annotations

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath

from api.http.paging import Cursor, Limit, Page
from api.http.promises import responses
from api.http.responses import NOT_MODIFIED_SPEC, Read
from api.orders.managing import Call, managed, order_of
from api.orders.resources import ListedOrder, OrderDetails, details_of_row, listed_of_row
from api.reads import newest_first, rows, select
from api.services import Services
from ledger.errors import NotFound
from projections.orders import ORDER_ITEMS, ORDERS

TAGS = ["orders"]
_LISTED = select(
    """
    SELECT {columns}
    FROM {table}
    WHERE org_id = %(org_id)s AND position < %(before)s
    ORDER BY position DESC
    LIMIT %(limit)s
    """,
    ORDERS,
)
_ONE = select("SELECT {columns} FROM {table} WHERE order_id = %s", ORDERS)
_ITEMS = select("SELECT {columns} FROM {table} WHERE order_id = %s ORDER BY number", ORDER_ITEMS)


@get(
    "/api/enterprise/organisations/{org_id:str}/orders",
    operation_id="listCourseOrders",
    summary="An organisation's orders of courses",
    tags=TAGS,
    responses=responses(NotFound) | NOT_MODIFIED_SPEC,
)
async def list_orders(
    org_id: FromPath[str],
    request: Call,
    services: NamedDependency[Services],
    cursor: Cursor = None,
    limit: Limit = 20,
) -> Read[Page[ListedOrder]]:
    """With what is open of the invoice of each, the newest first."""
    await managed(services, request, org_id)
    of = {"org_id": org_id}
    return await newest_first(services.reads, _LISTED, ORDERS, of, listed_of_row, cursor=cursor, limit=limit)


@get(
    "/api/enterprise/orders/{order_id:str}",
    operation_id="getCourseOrder",
    summary="One order of courses",
    tags=TAGS,
    responses=responses(NotFound) | NOT_MODIFIED_SPEC,
)
async def get_order(
    order_id: FromPath[str], request: Call, services: NamedDependency[Services]
) -> Read[OrderDetails]:
    """With its items, in the order in which they were ordered."""
    await order_of(services, request, order_id)
    async with services.reading() as connection:
        found = await rows(connection, _ONE, ORDERS, (order_id,))
        items = await rows(connection, _ITEMS, ORDER_ITEMS, (order_id,))
    if not found:
        raise NotFound(f"There is no order {order_id!r:.80}.")
    return Read(details_of_row(found[0], items))


HANDLERS = (list_orders, get_order)
