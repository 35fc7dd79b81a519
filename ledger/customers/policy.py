"""What a user as Stripe's customer asks of Stripe."""

from __future__ import annotations

from ledger.customers.events import CustomerErasureRequested
from ledger.effects import DeleteCustomer, Effect
from ledger.message import Recorded


def react(recorded: Recorded) -> tuple[Effect, ...]:
    match recorded.event:
        case CustomerErasureRequested() as asked:
            # one after the other: what waits is called off before the customer is deleted
            ids = (asked.user_id, asked.stripe_customer_id)
            return (DeleteCustomer(*ids, payment_ids=asked.payment_ids, page_ids=asked.page_ids),)
        case _:
            return ()
