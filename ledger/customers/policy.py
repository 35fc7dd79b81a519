"""What a user as Stripe's customer asks of Stripe."""

from __future__ import annotations

from ledger.customers.events import CustomerErasureRequested
from ledger.effects import DeleteCustomer, Effect
from ledger.message import Recorded


def react(recorded: Recorded) -> tuple[Effect, ...]:
    match recorded.event:
        case CustomerErasureRequested(user_id=user_id, stripe_customer_id=stripe_customer_id):
            return (DeleteCustomer(user_id, stripe_customer_id),)
        case _:
            return ()
