"""Who may send which command about an order of an organisation."""

from __future__ import annotations

from collections.abc import Mapping

from ledger.message import Command
from ledger.orders.commands import (
    DropOrderItem,
    PlaceOrder,
    RecordOrderCreditPaidOut,
    RecordOrderPayment,
    SettleOrderItem,
    WriteOffOrder,
)
from ledger.roles import ADMINS, FOUNDERS, SYSTEM

MAY_SEND: Mapping[type[Command], frozenset[str]] = {
    PlaceOrder: FOUNDERS,
    SettleOrderItem: SYSTEM,
    DropOrderItem: FOUNDERS,
    RecordOrderPayment: ADMINS,
    RecordOrderCreditPaidOut: ADMINS,
    WriteOffOrder: ADMINS,
}
