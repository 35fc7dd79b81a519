"""What can be asked of a user as Stripe's customer. All but the erasure are sent after Stripe did it."""

from __future__ import annotations

from typing import ClassVar

from ledger.message import Command


class RecordCustomer(Command, frozen=True, kw_only=True):
    NAME: ClassVar[str] = "customers.record"
    user_id: str
    stripe_customer_id: str


class RecordCustomerGone(Command, frozen=True, kw_only=True):
    """Stripe knows this customer no more, with all cards of it; nobody asked for that here."""

    NAME: ClassVar[str] = "customers.record_gone"
    user_id: str
    stripe_customer_id: str


class EraseCustomer(Command, frozen=True, kw_only=True):
    """Its user leaves: nothing of them is to stay at Stripe."""

    NAME: ClassVar[str] = "customers.erase"
    ADDED: ClassVar[frozenset[str]] = frozenset({"payment_ids", "page_ids"})
    user_id: str
    payment_ids: tuple[str, ...] = ()
    """Payments of theirs that still wait for somebody, or for Stripe's first answer."""
    page_ids: tuple[str, ...] = ()
    """Subscriptions of theirs that were to begin on a page of Stripe's, and have not."""


class RecordCustomerErased(Command, frozen=True, kw_only=True):
    NAME: ClassVar[str] = "customers.record_erased"
    user_id: str
    stripe_customer_id: str


class SavePaymentMethod(Command, frozen=True, kw_only=True):
    NAME: ClassVar[str] = "customers.save_payment_method"
    user_id: str
    payment_method_id: str
    stripe_customer_id: str = ""
    """Whose it is at Stripe; does nothing once that customer is gone."""


class RemovePaymentMethod(Command, frozen=True, kw_only=True):
    NAME: ClassVar[str] = "customers.remove_payment_method"
    user_id: str
    payment_method_id: str


CustomerCommand = (
    RecordCustomer
    | RecordCustomerGone
    | EraseCustomer
    | RecordCustomerErased
    | SavePaymentMethod
    | RemovePaymentMethod
)
