"""The rules of one user as Stripe's customer: what Stripe did is recorded, each thing once."""

from __future__ import annotations

from typing import assert_never, get_args

from ledger.customers.commands import (
    CustomerCommand,
    EraseCustomer,
    RecordCustomer,
    RecordCustomerErased,
    RecordCustomerGone,
    RemovePaymentMethod,
    SavePaymentMethod,
)
from ledger.customers.events import (
    CustomerCreated,
    CustomerErased,
    CustomerErasureRequested,
    CustomerEvent,
    CustomerGone,
    PaymentMethodRemoved,
    PaymentMethodSaved,
)
from ledger.customers.state import Customer, evolve
from ledger.customers.stream import stream_of
from ledger.message import Decider

_Events = tuple[CustomerEvent, ...]


def decide(command: CustomerCommand, customer: Customer) -> _Events:
    match command:
        case RecordCustomer():
            return _record(command, customer)
        case RecordCustomerGone():
            return _gone(command, customer)
        case EraseCustomer():
            return _erase(command, customer)
        case RecordCustomerErased(user_id=user_id, stripe_customer_id=erased):
            known = erased in customer.erasing
            return (CustomerErased(user_id=user_id, stripe_customer_id=erased),) if known else ()
        case SavePaymentMethod():
            return _save(command, customer)
        case RemovePaymentMethod(user_id=user_id, payment_method_id=removed):
            known = removed in customer.payment_methods
            return (PaymentMethodRemoved(user_id=user_id, payment_method_id=removed),) if known else ()
        case _:
            assert_never(command)


def _record(command: RecordCustomer, customer: Customer) -> _Events:
    """Another id than the known one means that the customer was made anew at Stripe."""
    named = command.stripe_customer_id
    if named == customer.stripe_customer_id or named in customer.former:
        return ()
    return (CustomerCreated(user_id=command.user_id, stripe_customer_id=named),)


def _gone(command: RecordCustomerGone, customer: Customer) -> _Events:
    if not customer.stripe_customer_id or command.stripe_customer_id != customer.stripe_customer_id:
        return ()
    gone = CustomerGone(
        user_id=command.user_id,
        stripe_customer_id=command.stripe_customer_id,
        at=command.effective_at,
        payment_method_ids=tuple(sorted(customer.payment_methods)),
    )
    return (gone,)


def _erase(command: EraseCustomer, customer: Customer) -> _Events:
    if not (customer.stripe_customer_id or command.payment_ids or command.page_ids):
        return ()
    asked = CustomerErasureRequested(
        user_id=command.user_id,
        stripe_customer_id=customer.stripe_customer_id,
        payment_method_ids=tuple(sorted(customer.payment_methods)),
        payment_ids=command.payment_ids,
        page_ids=command.page_ids,
    )
    return (asked,)


def _save(command: SavePaymentMethod, customer: Customer) -> _Events:
    gone = command.stripe_customer_id in customer.former
    if gone or command.payment_method_id in customer.payment_methods:
        return ()
    return (PaymentMethodSaved(user_id=command.user_id, payment_method_id=command.payment_method_id),)


def stream(command: CustomerCommand) -> str:
    return stream_of(command.user_id)


CUSTOMER: Decider[CustomerCommand, Customer, CustomerEvent] = Decider(
    stream=stream,
    decide=decide,
    evolve=evolve,
    initial=Customer(),
    commands=get_args(CustomerCommand),
    events=get_args(CustomerEvent),
)
