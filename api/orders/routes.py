"""Ordering courses for an organisation's members, seeing what that costs before, and giving an item back."""

from __future__ import annotations

from litestar import Response, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from api.http.body import IdempotencyKey, known_shape
from api.http.owner import is_admin
from api.http.preconditions import IDEMPOTENT
from api.http.promises import responses
from api.orders.bodies import CoursesForMembers, NewCourseOrder, OrderReason
from api.orders.deciding import decided
from api.orders.managing import Call, managed, order_of
from api.orders.offering import Offered, offered
from api.orders.resources import (
    OrderItem,
    OrderLine,
    OrderPreview,
    PlacedOrder,
    left_out_of,
    order_item,
    placed_of,
)
from api.services import Services
from api.submitting import Submitted
from api.syllabuses import syllabuses_of
from ledger.enrolments.commands import ReturnOrdered
from ledger.enrolments.learning.refusals import LearntTooMuch
from ledger.enrolments.refusals import CourseNotForSale, NotEnrolled
from ledger.errors import Forbidden, NotFound
from ledger.message import Command
from ledger.orders.checks import item_of
from ledger.orders.commands import DropOrderItem, PlaceOrder
from ledger.orders.events import OrderPlaced
from ledger.orders.giving import check_kept
from ledger.orders.placing import check_one_currency
from ledger.orders.refusals import (
    InvalidOrder,
    NothingToOrder,
    OrderItemNotWaiting,
    OrderPriceChanged,
    SeveralCurrencies,
    TermsNotOffered,
)
from ledger.orders.state import Order
from ledger.orders.terms import PREPAID
from ledger.organisations.refusals import OrganisationIsClosed
from ledger.organisations.standing import check_open
from ledger.payments.refusals import RefundWindowClosed

TAGS = ["orders"]
OFFERED = (NotFound, CourseNotForSale, InvalidOrder, SeveralCurrencies, OrganisationIsClosed, Forbidden)


@post(
    "/api/enterprise/organisations/{org_id:str}/enrolments/preview",
    operation_id="previewCourseOrder",
    summary="What courses for members would cost",
    tags=TAGS,
    status_code=200,
    response_description="Nothing is recorded",
    responses=responses(*OFFERED),
)
async def preview_order(
    org_id: FromPath[str],
    data: JSONBody[CoursesForMembers],
    request: Call,
    services: NamedDependency[Services],
) -> Response[OrderPreview]:
    """By course, now. Who has a course, teaches it or is buying it is left out of it, and named."""
    organisation = await managed(services, request, org_id)
    check_open(organisation)
    found = await offered(services, request, organisation, data, "")
    check_one_currency(found.currencies)
    return Response(_preview(org_id, found))


def _preview(org_id: str, found: Offered) -> OrderPreview:
    net, tax = found.totals
    lines = [
        OrderLine(
            course_id=line.sale.course_id,
            members=len(line.items),
            price_minor=line.sale.basis_minor,
            net_minor=len(line.items) * line.sale.basis_minor,
            tax_minor=len(line.items) * line.sale.tax_minor,
        )
        for line in found.lines
    ]
    return OrderPreview(
        org_id=org_id,
        currency=found.currencies[0],
        lines=lines,
        left_out=left_out_of(found.left_out),
        net_minor=net,
        tax_minor=tax,
        total_minor=net + tax,
        on_terms=found.terms.most_days > 0,
        net_days_max=found.terms.most_days,
    )


@post(
    "/api/enterprise/organisations/{org_id:str}/enrolments",
    operation_id="orderCourses",
    summary="Order courses for members",
    tags=TAGS,
    opt={IDEMPOTENT: True},
    response_description="It is ordered and invoiced",
    responses=responses(NothingToOrder, OrderPriceChanged, TermsNotOffered, *OFFERED),
)
async def order_courses(
    org_id: FromPath[str],
    data: JSONBody[NewCourseOrder],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[PlacedOrder]:
    """All on one invoice. With `net_days`, of at most the preview's `net_days_max`, the members have the
    courses at once; else when it is paid.
    """
    await managed(services, request, org_id)

    async def command(command_id: str, order_id: str) -> Command:
        organisation = await managed(services, request, org_id)
        check_open(organisation)
        found = await offered(services, request, organisation, data, order_id)
        return PlaceOrder(
            command_id=command_id,
            effective_at=services.now(),
            order_id=order_id,
            org_id=org_id,
            currencies=found.currencies,
            lines=found.lines,
            left_out=found.left_out,
            expected_minor=data.expected_minor,
            net_days=data.net_days or PREPAID,
            tax_bp=found.tax_bp,
            terms=found.terms,
            items_max=services.catalogue.organisations.order_items,
        )

    return await decided(services, request, None, (idempotency_key, data), command, _placed)


def _placed(order: Order, done: Submitted) -> PlacedOrder:
    placed = done.recorded[0].event
    assert isinstance(placed, OrderPlaced)
    return placed_of(order, placed.left_out)


@post(
    "/api/enterprise/orders/{order_id:str}/items/{item_id:str}/return",
    operation_id="returnOrderItem",
    summary="Give back a course of an order",
    tags=TAGS,
    status_code=200,
    opt={IDEMPOTENT: True},
    response_description="There is a credit note of it",
    responses=responses(
        NotFound, InvalidOrder, OrderItemNotWaiting, NotEnrolled, LearntTooMuch, RefundWindowClosed
    ),
)
async def return_item(
    order_id: FromPath[str],
    item_id: FromPath[str],
    data: JSONBody[OrderReason],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[OrderItem]:
    """Before its member has it, or as any course is returned: for so many days, and while little of it is
    learnt; by an admin at any time. It lowers what is open, and what is beyond that is owed to the
    organisation.
    """
    known_shape(item_id, "oit_")
    item_of(await order_of(services, request, order_id), item_id)

    async def command(command_id: str, _order_id: str) -> Command:
        return await _return(services, request, (order_id, item_id), data.reason, command_id)

    def shown(order: Order, _done: Submitted) -> OrderItem:
        return order_item(order, item_id, order.items[item_id])

    return await decided(services, request, order_id, (idempotency_key, data), command, shown)


async def _return(
    services: Services, request: Call, of: tuple[str, str], reason: str, command_id: str
) -> DropOrderItem | ReturnOrdered:
    """`of` are the ids of the order and of the item."""
    order_id, item_id = of
    order = await order_of(services, request, order_id)
    item, now = item_of(order, item_id), services.now()
    if not order.released:
        return DropOrderItem(
            command_id=command_id, effective_at=now, order_id=order_id, item_id=item_id, reason=reason
        )
    check_kept(item)
    revision = order.lines[item.course_id].sale.revision
    return ReturnOrdered(
        command_id=command_id,
        effective_at=now,
        course_id=item.course_id,
        learner_id=item.learner_id,
        order_id=order_id,
        reason=reason,
        syllabuses=await syllabuses_of(services.store, item.course_id, revision),
        by_admin=is_admin(request),
    )


HANDLERS = (preview_order, order_courses, return_item)
