"""Orders of courses for an organisation's members, with their invoices and their items."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar, get_args

from psycopg import Cursor

from ledger.message import Event, Recorded
from ledger.orders.events import (
    OrderCreditPaidOut,
    OrderEvent,
    OrderItemCredited,
    OrderItemGiven,
    OrderPaid,
    OrderPlaced,
    OrderReleased,
    OrderWrittenOff,
)
from ledger.orders.state import ItemStatus
from ledger.orders.stream import id_of
from ledger.orders.terms import OrderedItem, OrderedLine
from projections.engine.buffers import Rows, RowsByOwner, TableBuffer
from projections.engine.projection import Projection
from projections.engine.tables import Row, Table


class OrderRow(Row):
    order_id: str
    org_id: str
    invoice_id: str
    number: str
    currency: str
    net_minor: int
    tax_minor: int
    """Both as they were written; what follows has the tax in it."""
    paid_minor: int
    credited_minor: int
    written_off_minor: int
    open_minor: int
    owed_minor: int
    """To the organisation, and not paid out."""
    net_days: int
    released: bool
    written_off: bool
    issued_at: datetime
    due_at: datetime
    position: int
    last_position: int


class OrderItemRow(Row):
    item_id: str
    order_id: str
    number: int
    """Its place in the order, from 1."""
    course_id: str
    learner_id: str
    price_minor: int
    """Without tax."""
    tax_minor: int
    status: ItemStatus
    reason: str
    """Why it is no part of the order any more; else empty."""
    changed_at: datetime


ORDERS = Table("orders", OrderRow, ("order_id",))
ORDER_ITEMS = Table("order_items", OrderItemRow, ("item_id",))
_FACTS: frozenset[type[Event]] = frozenset(get_args(OrderEvent))


class Orders(Projection):
    NAME: ClassVar[str] = "orders"
    FACTS: ClassVar[frozenset[type[Event]] | None] = _FACTS

    def __init__(self) -> None:
        self._orders = Rows(ORDERS)
        self._items = RowsByOwner(ORDER_ITEMS, "order_id")

    @property
    def buffers(self) -> tuple[TableBuffer, ...]:
        return self._orders, self._items

    def load(self, cursor: Cursor[Any], batch: Sequence[Recorded]) -> None:
        of = {id_of(one.stream) for one in batch if type(one.event) in _FACTS}
        self._orders.load(cursor, of)
        self._items.load_of(cursor, of)

    def project(self, recorded: Recorded) -> None:
        event: Any = recorded.event
        at = recorded.metadata.effective_at
        if isinstance(event, OrderPlaced):
            self._orders.put(event.order_id, _begin(recorded, event))
            for item in _items_of(event, at):
                self._items.put(item.item_id, item)
            return
        row = self._orders.change(event.order_id)
        row.last_position = recorded.position
        _advance(row, event)
        match event:
            case OrderItemGiven(item_id=item_id):
                self._became(item_id, "given", "", at)
            case OrderItemCredited(item_id=item_id, status=status, reason=reason):
                self._became(item_id, "returned" if status == "returned" else "dropped", reason, at)
            case OrderWrittenOff(ended=ended, reason=reason):
                for one in ended:
                    self._became(one.item_id, "ended", reason, at)
            case _:
                pass

    def _became(self, item_id: str, status: ItemStatus, reason: str, at: datetime) -> None:
        item = self._items.change(item_id)
        item.status, item.reason, item.changed_at = status, reason, at


def _begin(recorded: Recorded, event: OrderPlaced) -> OrderRow:
    return OrderRow(
        order_id=event.order_id,
        org_id=event.org_id,
        invoice_id=event.invoice_id,
        number=event.number,
        currency=event.currency,
        net_minor=event.net_minor,
        tax_minor=event.tax_minor,
        paid_minor=0,
        credited_minor=0,
        written_off_minor=0,
        open_minor=event.net_minor + event.tax_minor,
        owed_minor=0,
        net_days=event.net_days,
        released=False,
        written_off=False,
        issued_at=event.issued_at,
        due_at=event.due_at,
        position=recorded.position,
        last_position=recorded.position,
    )


def _items_of(event: OrderPlaced, at: datetime) -> list[OrderItemRow]:
    items = [(line, item) for line in event.lines for item in line.items]
    return [_item(event.order_id, number, line, item, at) for number, (line, item) in enumerate(items, 1)]


def _item(order_id: str, number: int, line: OrderedLine, item: OrderedItem, at: datetime) -> OrderItemRow:
    return OrderItemRow(
        item_id=item.item_id,
        order_id=order_id,
        number=number,
        course_id=line.sale.course_id,
        learner_id=item.learner_id,
        price_minor=line.sale.basis_minor,
        tax_minor=line.sale.tax_minor,
        status="ordered",
        reason="",
        changed_at=at,
    )


def _advance(row: OrderRow, event: OrderEvent) -> None:
    """The same sums as the decider's `evolve`."""
    match event:
        case OrderReleased():
            row.released = True
        case OrderPaid(amount_minor=amount):
            row.paid_minor += amount
            row.open_minor -= amount
        case OrderItemCredited():
            credited = event.net_minor + event.tax_minor
            row.credited_minor += credited
            row.open_minor -= event.receivable_minor
            row.owed_minor += credited - event.receivable_minor
        case OrderWrittenOff():
            given_back = event.net_minor + event.tax_minor - event.receivable_minor
            row.written_off = True
            row.written_off_minor += event.receivable_minor
            row.credited_minor += given_back
            row.open_minor -= event.receivable_minor
            row.owed_minor += given_back
        case OrderCreditPaidOut(amount_minor=amount):
            row.owed_minor -= amount
        case _:
            pass
