"""What becomes of the items of an order: had, fallen out, or returned; each that is not had is credited."""

from __future__ import annotations

from ledger.message import Instant
from ledger.orders.checks import REASON_MAX, check_text, item_of
from ledger.orders.commands import DropOrderItem, SettleOrderItem
from ledger.orders.events import (
    OrderEvent,
    OrderItemCredited,
    OrderItemGiven,
    OrderItemRecalled,
    OrderReleased,
)
from ledger.orders.refusals import OrderItemNotWaiting
from ledger.orders.state import KEPT, Item, Order
from ledger.orders.sums import crediting, open_after, shared_out
from ledger.orders.terms import ItemOf

_Events = tuple[OrderEvent, ...]


def settle(command: SettleOrderItem, order: Order) -> _Events:
    """News may come twice and late: what an item has come to stands, and what was given after that is taken
    again.
    """
    item = order.items.get(command.item_id)
    if item is None:
        return ()
    match command.outcome:
        case "given" if item.status == "ordered":
            return (OrderItemGiven(order_id=order.order_id, item_id=command.item_id),)
        case "given" if item.status not in KEPT:
            of = ItemOf(command.item_id, item.course_id, item.learner_id)
            return (OrderItemRecalled(order_id=order.order_id, item=of),)
        case "declined" if item.status == "ordered":
            return _credited(order, command.item_id, item, "dropped", command.reason, command.effective_at)
        case "returned" if item.status in KEPT:
            return _credited(order, command.item_id, item, "returned", command.reason, command.effective_at)
        case _:
            return ()


def check_kept(item: Item) -> None:
    """Raises `OrderItemNotWaiting` for what is no part of the order any more."""
    if item.status not in KEPT:
        raise OrderItemNotWaiting(f"This item is {item.status} already: nothing more comes back of it.")


def drop(command: DropOrderItem, order: Order) -> _Events:
    check_text("reason", command.reason, REASON_MAX)
    item = item_of(order, command.item_id)
    check_kept(item)
    if order.released or item.status != "ordered":
        raise OrderItemNotWaiting(
            "This item is given to its member by now, or is about to be: return it once it is."
        )
    return _credited(order, command.item_id, item, "dropped", command.reason, command.effective_at)


def _credited(order: Order, item_id: str, item: Item, status: str, reason: str, at: Instant) -> _Events:
    """What is left to be given is released where nothing is open any more by it."""
    changes = crediting(order, item.course_id)
    left = open_after(order, changes)
    waiting = () if order.released or left else waiting_of(order, but=item_id)
    sale = order.lines[item.course_id].sale
    credited = OrderItemCredited(
        order_id=order.order_id,
        org_id=order.org_id,
        invoice_id=order.invoice_id,
        item_id=item_id,
        status=status,
        reason=reason,
        number=f"{order.number}-C{order.credits + 1}",
        currency=order.currency,
        net_minor=sale.basis_minor,
        tax_minor=sale.tax_minor,
        receivable_minor=order.open_minor - left,
        changes=shared_out(order, changes, released=order.released or bool(waiting)),
        at=at,
    )
    return (credited, *released(order, waiting))


def waiting_of(order: Order, but: str = "") -> tuple[ItemOf, ...]:
    """What is ordered and nobody has yet."""
    return tuple(
        ItemOf(item_id, item.course_id, item.learner_id)
        for item_id, item in order.items.items()
        if item.status == "ordered" and item_id != but
    )


def released(order: Order, items: tuple[ItemOf, ...]) -> tuple[OrderReleased, ...]:
    return (OrderReleased(order_id=order.order_id, items=items),) if items else ()
