"""Orders of courses as answers show them: from the ledger after a write, else from the tables."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec

from ledger.orders.state import Item, ItemStatus, Order
from ledger.orders.terms import LeftOut
from projections.orders import OrderItemRow, OrderRow

OrderStatus = Literal["open", "settled", "written_off"]


class OrderLeftOut(msgspec.Struct, frozen=True, kw_only=True):
    """`reason` is the code of what would have refused a purchase of theirs."""

    course_id: str
    user_id: str
    reason: str


class OrderLine(msgspec.Struct, frozen=True, kw_only=True):
    """One course. The price is of one of `members`, without tax; the rest is of all of them."""

    course_id: str
    members: int
    price_minor: int
    net_minor: int
    tax_minor: int


class OrderPreview(msgspec.Struct, frozen=True, kw_only=True):
    """What an order would be now. `total_minor` is what it expects; who is in `left_out` is not in it."""

    org_id: str
    currency: str
    lines: list[OrderLine]
    left_out: list[OrderLeftOut]
    net_minor: int
    tax_minor: int
    total_minor: int
    on_terms: bool
    """Whether it may be paid later, by `net_days`."""
    net_days_max: int
    """How many days later; 0 is first."""


class OrderItem(msgspec.Struct, frozen=True, kw_only=True):
    """One course for one member: `dropped` before they had it, `returned` after, `ended` as nobody paid."""

    item_id: str
    course_id: str
    user_id: str
    price_minor: int
    tax_minor: int
    status: ItemStatus


class OrderStanding(msgspec.Struct, frozen=True, kw_only=True):
    """With its invoice. `net_minor` and `tax_minor` are as it was written; what follows has the tax in it.
    `owed_minor` is what credits owe to the organisation.
    """

    order_id: str
    org_id: str
    invoice_id: str
    number: str
    status: OrderStatus
    currency: str
    net_minor: int
    tax_minor: int
    paid_minor: int
    credited_minor: int
    written_off_minor: int
    open_minor: int
    owed_minor: int
    net_days: int
    released: bool
    """The members have their courses, or are about to."""
    issued_at: datetime
    due_at: datetime


class PlacedOrder(OrderStanding, frozen=True, kw_only=True):
    items: list[OrderItem]
    left_out: list[OrderLeftOut] = []


class ListedOrder(OrderStanding, frozen=True, kw_only=True):
    position: int


class EveryOrder(ListedOrder, frozen=True, kw_only=True):
    org_name: str | None
    """Null once it is erased."""


class OrderDetails(ListedOrder, frozen=True, kw_only=True):
    items: list[OrderItem]


def placed_of(order: Order, left_out: Sequence[LeftOut] = ()) -> PlacedOrder:
    items = [order_item(order, item_id, item) for item_id, item in order.items.items()]
    return PlacedOrder(
        **msgspec.structs.asdict(standing_of(order)), items=items, left_out=left_out_of(left_out)
    )


def standing_of(order: Order) -> OrderStanding:
    assert order.issued_at is not None, "it was placed"
    assert order.due_at is not None
    return OrderStanding(
        order_id=order.order_id,
        org_id=order.org_id,
        invoice_id=order.invoice_id,
        number=order.number,
        status=_status(written_off=order.written_off, open_minor=order.open_minor),
        currency=order.currency,
        net_minor=order.net_minor,
        tax_minor=order.tax_minor,
        paid_minor=order.paid_minor,
        credited_minor=order.credited_minor,
        written_off_minor=order.written_off_minor,
        open_minor=order.open_minor,
        owed_minor=order.owed_minor,
        net_days=order.net_days,
        released=order.released,
        issued_at=order.issued_at,
        due_at=order.due_at,
    )


def _status(*, written_off: bool, open_minor: int) -> OrderStatus:
    return "written_off" if written_off else "open" if open_minor else "settled"


def order_item(order: Order, item_id: str, item: Item) -> OrderItem:
    sale = order.lines[item.course_id].sale
    return OrderItem(
        item_id=item_id,
        course_id=item.course_id,
        user_id=item.learner_id,
        price_minor=sale.basis_minor,
        tax_minor=sale.tax_minor,
        status=item.status,
    )


def left_out_of(found: Sequence[LeftOut]) -> list[OrderLeftOut]:
    return [OrderLeftOut(course_id=one.course_id, user_id=one.learner_id, reason=one.reason) for one in found]


def listed_of_row(row: OrderRow) -> ListedOrder:
    return ListedOrder(**_of_row(row))


def every_of_row(row: OrderRow, org_name: str | None) -> EveryOrder:
    return EveryOrder(**_of_row(row), org_name=org_name)


def details_of_row(row: OrderRow, items: Sequence[OrderItemRow]) -> OrderDetails:
    return OrderDetails(**_of_row(row), items=[_item_of_row(one) for one in items])


def _of_row(row: OrderRow) -> dict[str, Any]:
    names = [name for name in ListedOrder.__struct_fields__ if name != "status"]
    status = _status(written_off=row.written_off, open_minor=row.open_minor)
    return {"status": status, **{name: getattr(row, name) for name in names}}


def _item_of_row(row: OrderItemRow) -> OrderItem:
    return OrderItem(
        item_id=row.item_id,
        course_id=row.course_id,
        user_id=row.learner_id,
        price_minor=row.price_minor,
        tax_minor=row.tax_minor,
        status=row.status,
    )
