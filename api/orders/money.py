"""The money of orders' invoices, as finance records it: paid, paid out, written off."""

from __future__ import annotations

from litestar import Response, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from api.http.body import IdempotencyKey
from api.http.days import within
from api.http.preconditions import IDEMPOTENT
from api.http.promises import responses
from api.orders.bodies import NewOrderPayment, OrderCreditTransfer, OrderReason
from api.orders.deciding import decided
from api.orders.managing import Call, order_of
from api.orders.resources import OrderStanding, standing_of
from api.services import Services
from api.submitting import Submitted
from ledger.errors import NotFound
from ledger.message import Command
from ledger.orders.commands import RecordOrderCreditPaidOut, RecordOrderPayment, WriteOffOrder
from ledger.orders.refusals import InvalidOrder, OrderAmountTooLarge, OrderNotOpen
from ledger.orders.state import Order

TAGS = ["orders"]


@post(
    "/api/enterprise/orders/{order_id:str}/payments",
    operation_id="recordOrderPayment",
    summary="Record a bank transfer for an order",
    tags=TAGS,
    status_code=200,
    opt={IDEMPOTENT: True},
    response_description="It is in the books on the day that it came",
    responses=responses(NotFound, InvalidOrder, OrderNotOpen, OrderAmountTooLarge),
)
async def record_payment(
    order_id: FromPath[str],
    data: JSONBody[NewOrderPayment],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[OrderStanding]:
    """All of what is open, or a part: each course is paid by its part. What is paid is shared out between
    instructors and platform once the members have their courses.
    """
    await order_of(services, request, order_id)

    async def command(command_id: str, _order_id: str) -> Command:
        return RecordOrderPayment(
            command_id=command_id,
            effective_at=within(data.received_on, services.now()),
            order_id=order_id,
            payment_id=services.id_of("opy", command_id),
            amount_minor=data.amount_minor,
            reference=data.reference,
            received_on=data.received_on,
        )

    return await decided(services, request, order_id, (idempotency_key, data), command, _shown)


@post(
    "/api/enterprise/orders/{order_id:str}/write-off",
    operation_id="writeOffOrder",
    summary="Write off what nobody pays of an order",
    tags=TAGS,
    status_code=200,
    opt={IDEMPOTENT: True},
    response_description="Nothing is open of it, and what was not paid is taken again",
    responses=responses(NotFound, InvalidOrder, OrderNotOpen),
)
async def write_off_order(
    order_id: FromPath[str],
    data: JSONBody[OrderReason],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[OrderStanding]:
    """As many of each course as were paid in full are kept. Of an order that nobody had anything of, what was
    paid is owed back.
    """
    await order_of(services, request, order_id)

    async def command(command_id: str, _order_id: str) -> Command:
        return WriteOffOrder(
            command_id=command_id, effective_at=services.now(), order_id=order_id, reason=data.reason
        )

    return await decided(services, request, order_id, (idempotency_key, data), command, _shown)


@post(
    "/api/enterprise/orders/{order_id:str}/credit-transfers",
    operation_id="recordOrderCreditTransfer",
    summary="Record that an order's credit was paid out",
    tags=TAGS,
    status_code=200,
    opt={IDEMPOTENT: True},
    response_description="So much less is owed to the organisation",
    responses=responses(NotFound, InvalidOrder, OrderAmountTooLarge),
)
async def record_transfer(
    order_id: FromPath[str],
    data: JSONBody[OrderCreditTransfer],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[OrderStanding]:
    """By bank transfer, of what credits owe (`owed_minor`)."""
    await order_of(services, request, order_id)

    async def command(command_id: str, _order_id: str) -> Command:
        return RecordOrderCreditPaidOut(
            command_id=command_id,
            effective_at=within(data.paid_on, services.now()),
            order_id=order_id,
            transfer_id=services.id_of("otr", command_id),
            amount_minor=data.amount_minor,
            reference=data.reference,
            paid_on=data.paid_on,
        )

    return await decided(services, request, order_id, (idempotency_key, data), command, _shown)


def _shown(order: Order, _done: Submitted) -> OrderStanding:
    return standing_of(order)


HANDLERS = (record_payment, write_off_order, record_transfer)
