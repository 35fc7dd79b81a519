"""What is remembered of a user as Stripe's customer. `evolve` takes any history and never fails."""

from __future__ import annotations

from datetime import datetime
from typing import assert_never

from msgspec import Struct
from msgspec.structs import replace

from ledger.customers.events import (
    CustomerCreated,
    CustomerErased,
    CustomerErasureRequested,
    CustomerEvent,
    CustomerGone,
    PaymentMethodRemoved,
    PaymentMethodSaved,
)
from ledger.persistent import PersistentSet


class Customer(Struct, frozen=True):
    stripe_customer_id: str = ""
    """Empty while there is none, and after the last one was deleted at Stripe."""
    payment_methods: PersistentSet = PersistentSet()
    former: PersistentSet = PersistentSet()
    """Customers of the user's that were deleted at Stripe, or are to be."""
    latest_former_id: str = ""
    erased: PersistentSet = PersistentSet()
    """Of those the ones that the user wished away: nothing that was asked for before is charged any more."""
    erasing: PersistentSet = PersistentSet()
    """Of those the ones that Stripe may still have."""
    cards_gone_at: datetime | None = None
    """When the customer was seen to be gone at Stripe, cards and all; none once a card is saved again."""


def evolve(customer: Customer, event: CustomerEvent) -> Customer:
    match event:
        case CustomerCreated():
            return replace(customer, stripe_customer_id=event.stripe_customer_id)
        case CustomerGone():
            after = _parted(customer, event.stripe_customer_id)
            return replace(after, cards_gone_at=event.at if event.payment_method_ids else None)
        case CustomerErasureRequested():
            return _wished_away(customer, event.stripe_customer_id)
        case CustomerErased():
            return replace(customer, erasing=customer.erasing.discard(event.stripe_customer_id))
        case PaymentMethodSaved():
            saved = customer.payment_methods.add(event.payment_method_id)
            return replace(customer, payment_methods=saved, cards_gone_at=None)
        case PaymentMethodRemoved():
            return replace(
                customer, payment_methods=customer.payment_methods.discard(event.payment_method_id)
            )
        case _:
            assert_never(event)


def _wished_away(customer: Customer, stripe_customer_id: str) -> Customer:
    """Nothing changes for somebody whom Stripe had as no customer."""
    if not stripe_customer_id:
        return customer
    return replace(
        _parted(customer, stripe_customer_id),
        erased=customer.erased.add(stripe_customer_id),
        erasing=customer.erasing.add(stripe_customer_id),
        cards_gone_at=None,
    )


def _parted(customer: Customer, stripe_customer_id: str) -> Customer:
    present = customer.stripe_customer_id
    return replace(
        customer,
        stripe_customer_id="" if present == stripe_customer_id else present,
        payment_methods=PersistentSet(),
        former=customer.former.add(stripe_customer_id),
        latest_former_id=stripe_customer_id,
    )
