"""What is remembered of an order to decide on it. `evolve` takes any history and never fails."""

from __future__ import annotations

from typing import Literal, assert_never

from msgspec import Struct
from msgspec.structs import replace

from ledger.message import Instant
from ledger.orders.events import (
    OrderCreditPaidOut,
    OrderEvent,
    OrderItemCredited,
    OrderItemGiven,
    OrderItemRecalled,
    OrderPaid,
    OrderPlaced,
    OrderReleased,
    OrderWrittenOff,
)
from ledger.orders.terms import LineChange, OrderedLine
from ledger.persistent import PersistentMap
from ledger.split import Sale

ItemStatus = Literal["ordered", "given", "dropped", "returned", "ended"]
KEPT = frozenset({"ordered", "given"})
"""What is still a part of the order."""


class Line(Struct, frozen=True):
    """One course. What is open of it is `net_minor + tax_minor - paid_minor`."""

    sale: Sale
    net_minor: int
    """Sold, and neither credited nor written off; the next is its tax."""
    tax_minor: int
    paid_minor: int = 0
    shared_minor: int = 0
    """Of what is paid: whose it is, is in the books."""

    @property
    def open_minor(self) -> int:
        return self.net_minor + self.tax_minor - self.paid_minor


class Item(Struct, frozen=True, gc=False):
    course_id: str
    learner_id: str
    status: ItemStatus = "ordered"


class Order(Struct, frozen=True):
    order_id: str = ""
    """Empty before it is placed."""
    org_id: str = ""
    invoice_id: str = ""
    number: str = ""
    currency: str = ""
    net_days: int = 0
    issued_at: Instant | None = None
    due_at: Instant | None = None
    lines: PersistentMap[Line] = PersistentMap()
    """By course."""
    items: PersistentMap[Item] = PersistentMap()
    released: bool = False
    written_off: bool = False
    net_minor: int = 0
    tax_minor: int = 0
    """Both as they were written; what follows has the tax in it."""
    paid_minor: int = 0
    credited_minor: int = 0
    written_off_minor: int = 0
    owed_minor: int = 0
    """To the organisation, and not paid out."""
    owed_since: Instant | None = None
    """When that last became more."""
    credits: int = 0
    first_shared_at: Instant | None = None
    """When something of it was first shared out: what comes back has the day of what was there first."""

    @property
    def open_minor(self) -> int:
        """Its part of account 1100."""
        return sum(line.open_minor for line in self.lines.values())


def evolve(order: Order, event: OrderEvent) -> Order:  # noqa: PLR0911 - one answer for each fact
    match event:
        case OrderPlaced():
            return _placed(order, event)
        case OrderReleased():
            return replace(order, released=True)
        case OrderItemGiven():
            return _item(order, event.item_id, "given")
        case OrderItemCredited():
            return _credited(order, event)
        case OrderItemRecalled():
            return order
        case OrderPaid():
            paid = replace(order, paid_minor=order.paid_minor + event.amount_minor)
            return _changed(paid, event.changes, event.at)
        case OrderCreditPaidOut():
            return replace(order, owed_minor=order.owed_minor - event.amount_minor)
        case OrderWrittenOff():
            return _written_off(order, event)
        case _:
            assert_never(event)


def _placed(order: Order, event: OrderPlaced) -> Order:
    items = {
        item.item_id: Item(line.sale.course_id, item.learner_id)
        for line in event.lines
        for item in line.items
    }
    return replace(
        order,
        order_id=event.order_id,
        org_id=event.org_id,
        invoice_id=event.invoice_id,
        number=event.number,
        currency=event.currency,
        net_days=event.net_days,
        issued_at=event.issued_at,
        due_at=event.due_at,
        lines=PersistentMap({line.sale.course_id: line_of(line) for line in event.lines}),
        items=PersistentMap(items),
        net_minor=event.net_minor,
        tax_minor=event.tax_minor,
    )


def line_of(ordered: OrderedLine) -> Line:
    sale, count = ordered.sale, len(ordered.items)
    return Line(sale, count * sale.basis_minor, count * sale.tax_minor)


def _item(order: Order, item_id: str, status: ItemStatus) -> Order:
    known = order.items.get(item_id)
    return (
        order
        if known is None
        else replace(order, items=order.items.put(item_id, replace(known, status=status)))
    )


def _credited(order: Order, event: OrderItemCredited) -> Order:
    credited = event.net_minor + event.tax_minor
    status: ItemStatus = "returned" if event.status == "returned" else "dropped"
    after = replace(
        _item(order, event.item_id, status),
        credited_minor=order.credited_minor + credited,
        credits=order.credits + 1,
    )
    return _changed(_owing(after, credited - event.receivable_minor, event.at), event.changes, event.at)


def _written_off(order: Order, event: OrderWrittenOff) -> Order:
    for one in event.ended:
        order = _item(order, one.item_id, "ended")
    total = event.net_minor + event.tax_minor
    after = replace(
        order, written_off=True, written_off_minor=order.written_off_minor + event.receivable_minor
    )
    after = replace(after, credited_minor=after.credited_minor + total - event.receivable_minor)
    return _changed(_owing(after, total - event.receivable_minor, event.at), event.changes, event.at)


def _owing(order: Order, more_minor: int, at: Instant) -> Order:
    since = at if more_minor > 0 else order.owed_since
    return replace(order, owed_minor=order.owed_minor + more_minor, owed_since=since) if more_minor else order


def _changed(order: Order, changes: tuple[LineChange, ...], at: Instant) -> Order:
    lines = order.lines
    if order.first_shared_at is None and any(one.shared_minor for one in changes):
        order = replace(order, first_shared_at=at)
    for change in changes:
        line = lines.get(change.course_id)
        if line is not None:
            lines = lines.put(change.course_id, moved(line, change))
    return replace(order, lines=lines)


def moved(line: Line, change: LineChange) -> Line:
    return replace(
        line,
        net_minor=line.net_minor + change.net_minor,
        tax_minor=line.tax_minor + change.tax_minor,
        paid_minor=line.paid_minor + change.paid_minor,
        shared_minor=line.shared_minor + change.shared_minor,
    )
