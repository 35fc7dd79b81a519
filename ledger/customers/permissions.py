"""Who may send which command about a user as Stripe's customer."""

from __future__ import annotations

from collections.abc import Mapping

from ledger.customers.commands import (
    EraseCustomer,
    RecordCustomer,
    RecordCustomerErased,
    RecordCustomerGone,
    RemovePaymentMethod,
    SavePaymentMethod,
)
from ledger.message import Command
from ledger.roles import SYSTEM, USERS

MAY_SEND: Mapping[type[Command], frozenset[str]] = {
    RecordCustomer: USERS | SYSTEM,
    RecordCustomerGone: USERS | SYSTEM,
    EraseCustomer: USERS,
    RecordCustomerErased: SYSTEM,
    SavePaymentMethod: USERS | SYSTEM,
    RemovePaymentMethod: USERS | SYSTEM,
}
