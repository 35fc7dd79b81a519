"""An organisation's orders, those of all, and one of them with its items."""

from __future__ import annotations

from typing import Annotated

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter

from api.http.paging import Cursor, Limit, Page, page
from api.http.paging import before as position_before
from api.http.promises import responses
from api.http.responses import NOT_MODIFIED_SPEC, Read
from api.orders.managing import Call, managed, order_of
from api.orders.resources import (
    EveryOrder,
    ListedOrder,
    OrderDetails,
    details_of_row,
    every_of_row,
    listed_of_row,
)
from api.organisations.reads import names_of
from api.reads import newest_first, rows, select
from api.services import Services
from api.words import ORGANISATION
from ledger.errors import NotFound
from ledger.store.batched_queries import Connection
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
_EVERY = select(
    """
    SELECT {columns}
    FROM {table}
    WHERE (%(org_id)s::text IS NULL OR org_id = %(org_id)s)
        AND (NOT %(open)s OR open_minor > 0)
        AND position < %(before)s
    ORDER BY position DESC
    LIMIT %(limit)s
    """,
    ORDERS,
)
ORDER_NAMED = select(
    """
    SELECT {columns}
    FROM {table}
    WHERE order_id = %(name)s OR invoice_id = %(name)s OR number = %(name)s
    LIMIT 2
    """,
    ORDERS,
)
"""By its id, or by its invoice's id or the number that its payer quotes."""
_ONE = select("SELECT {columns} FROM {table} WHERE order_id = %s", ORDERS)
_ITEMS = select("SELECT {columns} FROM {table} WHERE order_id = %s ORDER BY number", ORDER_ITEMS)
OfOrganisation = Annotated[
    str | None, QueryParameter(pattern=ORGANISATION, description="Those of this one alone.")
]
Open = Annotated[
    bool, QueryParameter(name="open", description="Those alone of which something is to be paid.")
]


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
        return Read(await details_of(connection, order_id))


async def details_of(connection: Connection, order_id: str) -> OrderDetails:
    """By the tables. Raises `NotFound`."""
    found = await rows(connection, _ONE, ORDERS, (order_id,))
    items = await rows(connection, _ITEMS, ORDER_ITEMS, (order_id,))
    if not found:
        raise NotFound(f"There is no order {order_id!r:.80}.")
    return details_of_row(found[0], items)


@get(
    "/api/enterprise/orders",
    operation_id="listEveryCourseOrder",
    summary="Orders of courses of all organisations",
    tags=TAGS,
    responses=NOT_MODIFIED_SPEC,
)
async def list_every_order(
    services: NamedDependency[Services],
    cursor: Cursor = None,
    limit: Limit = 20,
    org_id: OfOrganisation = None,
    is_open: Open = False,  # noqa: FBT002 - it is given by name
) -> Read[Page[EveryOrder]]:
    """The newest first, with what is open of the invoice of each."""
    async with services.reading() as connection:
        shown = await every_order(
            connection, org_id, is_open=is_open, before=position_before(cursor), limit=limit + 1
        )
    return Read(page(shown, limit, lambda one: (one.position,)))


async def every_order(
    connection: Connection, org_id: str | None, *, is_open: bool, before: int, limit: int
) -> list[EveryOrder]:
    """For who may see all of them."""
    of = {"org_id": org_id, "open": is_open, "before": before, "limit": limit}
    found = await rows(connection, _EVERY, ORDERS, of)
    names = await names_of(connection, (row.org_id for row in found))
    return [every_of_row(row, names.get(row.org_id)) for row in found]


HANDLERS = (list_orders, list_every_order, get_order)
