"""What every command about an order must have: texts that say something, and numbers that can be meant."""

from __future__ import annotations

from datetime import UTC, date, datetime

from ledger import money
from ledger.errors import NotFound
from ledger.orders.refusals import InvalidOrder, OrderNotOpen
from ledger.orders.state import Item, Order
from ledger.visible import is_visible

TEXT_MAX = 255
REASON_MAX = 500
LARGEST_MINOR = 10**12
TAX_MAX_BP = 10_000


def check_ids(*ids: str) -> None:
    for one in ids:
        if not 0 < len(one) <= TEXT_MAX or "\0" in one:
            raise InvalidOrder(f"An id has from 1 to {TEXT_MAX} characters, and none of them is NUL.")


def check_text(field: str, text: str, most: int) -> None:
    if not is_visible(text) or len(text) > most or "\0" in text:
        raise InvalidOrder(f"`{field}` must have from 1 to {most} characters to be seen, and no NUL.")


def check_date(field: str, day: date, since: datetime, now: datetime) -> None:
    """Of a bank transfer, which is none of a time before it was owed."""
    first, last = (moment.astimezone(UTC).date() for moment in (since, now))
    if not first <= day <= last:
        raise InvalidOrder(
            f"`{field}` must be from {first.isoformat()}, when it came to be owed, to today; "
            f"it was {day.isoformat()}."
        )


def check_amount(amount_minor: int) -> None:
    if not 0 < amount_minor <= LARGEST_MINOR:
        raise InvalidOrder(f"`amount_minor` must be from 1 to {LARGEST_MINOR}; it was {amount_minor}.")


def known(order: Order) -> Order:
    if not order.order_id:
        raise NotFound("There is no such order.")
    return order


def item_of(order: Order, item_id: str) -> Item:
    item = known(order).items.get(item_id)
    if item is None:
        raise NotFound(f"This order has no item {item_id!r:.80}.")
    return item


def still_open(order: Order) -> int:
    """What is open of it. Raises `OrderNotOpen` where that is nothing."""
    if not (left := known(order).open_minor):
        raise OrderNotOpen("Nothing is open of this order.")
    return left


def written(amount_minor: int, order: Order) -> str:
    return money.format_minor(amount_minor, order.currency)
