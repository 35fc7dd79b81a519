"""How an order of a test came to be what it is: placed and to be paid first, or owing what was paid of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from api.services import Services
from ledger.ids import new_id
from ledger.message import Origin
from ledger.orders.commands import OrderCommand, PlaceOrder, RecordOrderPayment, WriteOffOrder
from tests.ledger.order_examples import command, line

ADMIN = Origin(actor="usr_root", roles=frozenset({"admin"}))
PLACED, OWING = "placed", "owing"


async def order_of(
    services: Services, way: str, org_id: str, *, at: datetime | None = None, **placed: Any
) -> dict[str, str]:
    """Of that organisation: its id, and that of its item. `at` is when all of it was."""
    order_id = new_id("ord")
    ordered = line("crs_1", "usr_member", order_id=order_id)

    async def do(kind: type[OrderCommand], **changes: Any) -> None:
        ours = {"command_id": new_id("cmd"), "order_id": order_id}
        await services.store.handle(command(kind, at or services.now(), **ours, **changes), ADMIN)

    await do(PlaceOrder, org_id=org_id, lines=(ordered,), expected_minor=10_000, **placed)
    if way == OWING:
        await do(RecordOrderPayment, amount_minor=1_000)
        await do(WriteOffOrder)
    return {"order_id": order_id, "item_id": ordered.items[0].item_id}
