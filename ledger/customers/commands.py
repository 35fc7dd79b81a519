"""What can be asked of a user as Stripe's customer; each is sent after Stripe did it."""

from __future__ import annotations

from typing import ClassVar

from ledger.message import Command


class RecordCustomer(Command, frozen=True, kw_only=True):
    NAME: ClassVar[str] = "customers.record"
    user_id: str
    stripe_customer_id: str


class SavePaymentMethod(Command, frozen=True, kw_only=True):
    NAME: ClassVar[str] = "customers.save_payment_method"
    user_id: str
    payment_method_id: str


class RemovePaymentMethod(Command, frozen=True, kw_only=True):
    NAME: ClassVar[str] = "customers.remove_payment_method"
    user_id: str
    payment_method_id: str


CustomerCommand = RecordCustomer | SavePaymentMethod | RemovePaymentMethod
