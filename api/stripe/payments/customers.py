"""Users as Stripe's customers, as far as Stripe tells of them."""

from __future__ import annotations

from api.stripe.delivery import Tools
from ledger.customers.commands import RecordCustomer
from ledger.customers.decider import CUSTOMER
from ledger.customers.stream import stream_of
from ledger.message import Origin


async def know_customer(tools: Tools, user_id: str, stripe_customer_id: str, origin: Origin) -> None:
    """Whom Stripe charged for the user is the user's customer, when the ledger has lost who it was: else
    another would be made, without the cards of the first.
    """
    if not stripe_customer_id:
        return
    if (await tools.store.state(CUSTOMER, stream_of(user_id))).stripe_customer_id:
        return
    command = RecordCustomer(
        command_id=f"customer:{user_id}:{stripe_customer_id}",
        effective_at=tools.clock.now(),
        user_id=user_id,
        stripe_customer_id=stripe_customer_id,
    )
    await tools.store.handle(command, origin)
