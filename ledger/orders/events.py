"""Facts about one order of an organisation: courses for its members, on one invoice."""

from __future__ import annotations

from datetime import date
from typing import ClassVar

from ledger.message import Event, Instant
from ledger.orders.terms import ItemOf, LeftOut, LineChange, OrderedLine


class OrderPlaced(Event, frozen=True, kw_only=True):
    """And invoiced, with the order."""

    TYPE: ClassVar[str] = "orders.placed.v1"
    order_id: str
    org_id: str
    invoice_id: str
    number: str
    """Of the invoice, for people."""
    currency: str
    lines: tuple[OrderedLine, ...]
    left_out: tuple[LeftOut, ...] = ()
    net_minor: int
    tax_minor: int
    tax_bp: int = 0
    net_days: int
    """0 is due at once, and nothing is had before it is paid."""
    issued_at: Instant
    due_at: Instant


class OrderReleased(Event, frozen=True, kw_only=True):
    """The members are to have their courses: it is on terms, or nothing is open of it any more."""

    TYPE: ClassVar[str] = "orders.released.v1"
    order_id: str
    items: tuple[ItemOf, ...]


class OrderItemGiven(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "orders.item_given.v1"
    order_id: str
    item_id: str


class OrderItemCredited(Event, frozen=True, kw_only=True):
    """An item is ordered no more, and there is a credit note of it. What that gives back beyond what was open
    is owed to the organisation.
    """

    TYPE: ClassVar[str] = "orders.item_credited.v1"
    order_id: str
    org_id: str
    invoice_id: str
    item_id: str
    status: str
    """`dropped` before it was had, or `returned` after."""
    reason: str
    number: str
    """Of the credit note, for people."""
    currency: str
    net_minor: int
    tax_minor: int
    receivable_minor: int
    """How much of the two together was open."""
    changes: tuple[LineChange, ...]
    """What was paid of it pays other lines first, as far as anything is open of them."""
    at: Instant


class OrderItemRecalled(Event, frozen=True, kw_only=True):
    """It was given after it had fallen out of the order: it is to be taken again."""

    TYPE: ClassVar[str] = "orders.item_recalled.v1"
    order_id: str
    item: ItemOf


class OrderPaid(Event, frozen=True, kw_only=True):
    """Money in the bank, for what was open."""

    TYPE: ClassVar[str] = "orders.paid.v1"
    order_id: str
    org_id: str
    invoice_id: str
    payment_id: str
    amount_minor: int
    currency: str
    reference: str
    received_on: date
    changes: tuple[LineChange, ...]
    at: Instant


class OrderCreditPaidOut(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "orders.credit_paid_out.v1"
    order_id: str
    org_id: str
    transfer_id: str
    amount_minor: int
    currency: str
    reference: str
    paid_on: date


class OrderWrittenOff(Event, frozen=True, kw_only=True):
    """All that was open: it was never sold. Of an order that nobody had anything of, what was paid is owed
    back.
    """

    TYPE: ClassVar[str] = "orders.written_off.v1"
    order_id: str
    org_id: str
    invoice_id: str
    currency: str
    net_minor: int
    tax_minor: int
    receivable_minor: int
    """How much of the two together was open."""
    changes: tuple[LineChange, ...]
    ended: tuple[ItemOf, ...]
    """Whose access is not paid, and ends."""
    reason: str
    at: Instant


OrderEvent = (
    OrderPlaced
    | OrderReleased
    | OrderItemGiven
    | OrderItemCredited
    | OrderItemRecalled
    | OrderPaid
    | OrderCreditPaidOut
    | OrderWrittenOff
)
