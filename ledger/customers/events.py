"""Facts about a user as Stripe's customer. Cards' brands and digits stay at Stripe."""

from __future__ import annotations

from typing import ClassVar

from ledger.message import Event


class CustomerCreated(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "customers.created.v1"
    user_id: str
    stripe_customer_id: str


class PaymentMethodSaved(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "customers.payment_method_saved.v1"
    user_id: str
    payment_method_id: str


class PaymentMethodRemoved(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "customers.payment_method_removed.v1"
    user_id: str
    payment_method_id: str


CustomerEvent = CustomerCreated | PaymentMethodSaved | PaymentMethodRemoved
