"""What can be asked of an order of courses for an organisation's members."""

from __future__ import annotations

from datetime import date
from typing import ClassVar, Literal

from ledger.message import Command
from ledger.orders.terms import LeftOut, OrderedLine, Terms


class PlaceOrder(Command, frozen=True, kw_only=True):
    """What is to be had is looked up for it: `lines` at the prices of now, without who is `left_out`."""

    NAME: ClassVar[str] = "orders.place"
    GENERATED: ClassVar[frozenset[str]] = frozenset(
        {"order_id", "lines", "left_out", "tax_bp", "terms", "items_max"}
    )
    order_id: str
    org_id: str
    currencies: tuple[str, ...]
    """Those of the courses, of which there may be one."""
    lines: tuple[OrderedLine, ...]
    left_out: tuple[LeftOut, ...] = ()
    expected_minor: int
    """What the buyer was shown that it costs, with tax."""
    net_days: int
    """0 is to be paid first."""
    tax_bp: int
    terms: Terms
    """Which the organisation has, or an admin who orders for it."""
    items_max: int


class SettleOrderItem(Command, frozen=True, kw_only=True):
    """What the member's enrolment says of it. Never refused."""

    NAME: ClassVar[str] = "orders.settle_item"
    order_id: str
    item_id: str
    outcome: Literal["given", "declined", "returned"]
    reason: str = ""


class DropOrderItem(Command, frozen=True, kw_only=True):
    """Of an item that nobody has yet."""

    NAME: ClassVar[str] = "orders.drop_item"
    order_id: str
    item_id: str
    reason: str


class RecordOrderPayment(Command, frozen=True, kw_only=True):
    """A bank transfer came, of all that is open or a part of it."""

    NAME: ClassVar[str] = "orders.record_payment"
    GENERATED: ClassVar[frozenset[str]] = frozenset({"payment_id"})
    order_id: str
    payment_id: str
    amount_minor: int
    reference: str
    received_on: date


class RecordOrderCreditPaidOut(Command, frozen=True, kw_only=True):
    NAME: ClassVar[str] = "orders.record_credit_paid_out"
    GENERATED: ClassVar[frozenset[str]] = frozenset({"transfer_id"})
    order_id: str
    transfer_id: str
    amount_minor: int
    reference: str
    paid_on: date


class WriteOffOrder(Command, frozen=True, kw_only=True):
    """Nobody will pay what is open."""

    NAME: ClassVar[str] = "orders.write_off"
    order_id: str
    reason: str


OrderCommand = (
    PlaceOrder
    | SettleOrderItem
    | DropOrderItem
    | RecordOrderPayment
    | RecordOrderCreditPaidOut
    | WriteOffOrder
)
