"""A command about an order, sent once for an Idempotency-Key, and the order as it stands after it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from litestar import Response

from api.orders.managing import Call
from api.services import Services, origin_of
from api.submitting import Submitted
from ledger.message import Command
from ledger.orders.decider import ORDER
from ledger.orders.state import Order
from ledger.orders.stream import stream_of

Make = Callable[[str, str], Awaitable[Command]]
"""A command of its id and the order's; not called for one that was recorded before."""
Show = Callable[[Order, Submitted], Any]


async def decided(
    services: Services,
    request: Call,
    order_id: str | None,
    asked: tuple[str, Any],
    make: Make,
    show: Show,
) -> Response[Any]:
    """`asked` is the Idempotency-Key and the body. Without an `order_id` it is a new order, whose id is made
    of the command's and which is answered with 201 and the address.
    """
    key, data = asked

    async def work(command_id: str) -> Response[Any]:
        about = order_id or services.id_of("ord", command_id)

        async def once() -> Command:
            return await make(command_id, about)

        done = await services.submitter.submit_once(command_id, once, origin_of(request))
        order: Order = await services.store.state(ORDER, stream_of(about))
        shown = show(order, done)
        if order_id is not None:
            return Response(shown, status_code=200, headers=done.headers)
        location = {"Location": f"/api/enterprise/orders/{about}"}
        return Response(shown, status_code=201, headers={**done.headers, **location})

    return await services.idempotency.run(request, key, data, work)
