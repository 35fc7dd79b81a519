"""The rules of one order: what is open is paid, credited or written off once, and nobody is owed a share of
what nobody paid.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args

from ledger.message import Command, Decider
from ledger.orders import giving, paying, placing
from ledger.orders.commands import (
    DropOrderItem,
    OrderCommand,
    PlaceOrder,
    RecordOrderCreditPaidOut,
    RecordOrderPayment,
    SettleOrderItem,
    WriteOffOrder,
)
from ledger.orders.events import OrderEvent
from ledger.orders.state import Order, evolve
from ledger.orders.stream import stream_of

_RULES: dict[type[Command], Callable[[Any, Order], tuple[OrderEvent, ...]]] = {
    PlaceOrder: placing.place,
    SettleOrderItem: giving.settle,
    DropOrderItem: giving.drop,
    RecordOrderPayment: paying.record_payment,
    RecordOrderCreditPaidOut: paying.record_paid_out,
    WriteOffOrder: paying.write_off,
}


def decide(command: OrderCommand, order: Order) -> tuple[OrderEvent, ...]:
    return _RULES[type(command)](command, order)


def stream(command: OrderCommand) -> str:
    return stream_of(command.order_id)


ORDER: Decider[OrderCommand, Order, OrderEvent] = Decider(
    stream=stream,
    decide=decide,
    evolve=evolve,
    initial=Order(),
    commands=get_args(OrderCommand),
    events=get_args(OrderEvent),
)
