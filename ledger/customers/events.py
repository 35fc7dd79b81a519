"""Facts about a user as Stripe's customer. Cards' brands, digits and fingerprints stay at Stripe."""

from __future__ import annotations

from typing import ClassVar

from ledger.message import Event, Instant


class CustomerCreated(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "customers.created.v1"
    user_id: str
    stripe_customer_id: str


class CustomerGone(Event, frozen=True, kw_only=True):
    """Deleted at Stripe by somebody else. Another is made when one is needed."""

    TYPE: ClassVar[str] = "customers.gone.v1"
    user_id: str
    stripe_customer_id: str
    at: Instant
    """When that was seen."""
    payment_method_ids: tuple[str, ...] = ()
    """What was saved, and is gone with it."""


class CustomerErasureRequested(Event, frozen=True, kw_only=True):
    """From here on it is not the user's any more; should they come back, another is made. Of somebody whom
    Stripe does not know as a customer it says only what is called off.
    """

    TYPE: ClassVar[str] = "customers.erasure_requested.v1"
    user_id: str
    stripe_customer_id: str
    payment_method_ids: tuple[str, ...] = ()
    payment_ids: tuple[str, ...] = ()
    """Payments that waited, and are to be canceled."""
    page_ids: tuple[str, ...] = ()
    """Subscriptions whose pages were open, and are to be ended."""


class CustomerErased(Event, frozen=True, kw_only=True):
    """Stripe has deleted it, with its cards and subscriptions."""

    TYPE: ClassVar[str] = "customers.erased.v1"
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


CustomerEvent = (
    CustomerCreated
    | CustomerGone
    | CustomerErasureRequested
    | CustomerErased
    | PaymentMethodSaved
    | PaymentMethodRemoved
)
