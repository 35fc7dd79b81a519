"""The rules of one user as Stripe's customer: what Stripe did is recorded, each thing once."""

from __future__ import annotations

from typing import assert_never, get_args

from msgspec import Struct
from msgspec.structs import replace

from ledger.customers.commands import CustomerCommand, RecordCustomer, RemovePaymentMethod, SavePaymentMethod
from ledger.customers.events import CustomerCreated, CustomerEvent, PaymentMethodRemoved, PaymentMethodSaved
from ledger.customers.stream import stream_of
from ledger.message import Decider
from ledger.persistent import PersistentSet


class Customer(Struct, frozen=True):
    stripe_customer_id: str = ""
    payment_methods: PersistentSet = PersistentSet()


def decide(command: CustomerCommand, customer: Customer) -> tuple[CustomerEvent, ...]:
    user_id = command.user_id
    match command:
        case RecordCustomer(stripe_customer_id=stripe_customer_id):
            # Another id than the known one means that the customer was made anew at Stripe.
            if stripe_customer_id == customer.stripe_customer_id:
                return ()
            return (CustomerCreated(user_id=user_id, stripe_customer_id=stripe_customer_id),)
        case SavePaymentMethod(payment_method_id=payment_method_id):
            if payment_method_id in customer.payment_methods:
                return ()
            return (PaymentMethodSaved(user_id=user_id, payment_method_id=payment_method_id),)
        case RemovePaymentMethod(payment_method_id=payment_method_id):
            if payment_method_id not in customer.payment_methods:
                return ()
            return (PaymentMethodRemoved(user_id=user_id, payment_method_id=payment_method_id),)
        case _:
            assert_never(command)


def evolve(customer: Customer, event: CustomerEvent) -> Customer:
    match event:
        case CustomerCreated():
            return replace(customer, stripe_customer_id=event.stripe_customer_id)
        case PaymentMethodSaved():
            return replace(customer, payment_methods=customer.payment_methods.add(event.payment_method_id))
        case PaymentMethodRemoved():
            return replace(
                customer, payment_methods=customer.payment_methods.discard(event.payment_method_id)
            )
        case _:
            assert_never(event)


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
