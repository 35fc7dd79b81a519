"""Users as Stripe's customers, and the payment methods they saved."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, get_args

from ledger.customers.events import (
    CustomerCreated,
    CustomerErasureRequested,
    CustomerEvent,
    CustomerGone,
    PaymentMethodRemoved,
    PaymentMethodSaved,
)
from ledger.message import Event, Recorded
from projections.engine.buffers import Rows, TableBuffer
from projections.engine.projection import Projection
from projections.engine.tables import Row, Table


class CustomerRow(Row):
    user_id: str
    stripe_customer_id: str


class PaymentMethodRow(Row):
    payment_method_id: str
    user_id: str
    saved_at: datetime
    position: int


CUSTOMERS = Table("customers", CustomerRow, ("user_id",))
PAYMENT_METHODS = Table("payment_methods", PaymentMethodRow, ("payment_method_id",))


class Customers(Projection):
    """Each event says all there is in its row, so nothing is loaded."""

    NAME: ClassVar[str] = "customers"
    FACTS: ClassVar[frozenset[type[Event]] | None] = frozenset(get_args(CustomerEvent))

    def __init__(self) -> None:
        self._customers = Rows(CUSTOMERS)
        self._methods = Rows(PAYMENT_METHODS)

    @property
    def buffers(self) -> tuple[TableBuffer, ...]:
        return self._customers, self._methods

    def project(self, recorded: Recorded) -> None:
        match recorded.event:
            case CustomerCreated(user_id=user_id, stripe_customer_id=stripe_customer_id):
                self._customers.put(user_id, CustomerRow(user_id, stripe_customer_id))
            case CustomerGone() | CustomerErasureRequested() as event:
                self._customers.remove(event.user_id)
                for method in event.payment_method_ids:
                    self._methods.remove(method)
            case PaymentMethodSaved(user_id=user_id, payment_method_id=method):
                at = recorded.metadata.effective_at
                self._methods.put(method, PaymentMethodRow(method, user_id, at, recorded.position))
            case PaymentMethodRemoved(payment_method_id=method):
                self._methods.remove(method)
            case _:
                pass
