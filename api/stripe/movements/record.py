"""What Stripe's balance moved by and nothing of ours did, as the command that records it.

All of it comes from what never changes of a balance transaction, and the command's id is made of it, so that
it is found once, by whichever webhook or sweep comes first.
"""

from __future__ import annotations

from api.stripe.delivery import Tools
from api.stripe.movements.objects import Movement
from api.stripe.payments.snapshots import booked
from ledger.message import Origin, Outcome
from ledger.unclaimed.commands import RecordMovement
from ledger.unclaimed.treatment import is_worded_by_stripe


async def record_movement(tools: Tools, movement: Movement, origin: Origin) -> Outcome:
    return await tools.store.handle(command_of(movement), origin)


def command_of(movement: Movement) -> RecordMovement:
    entry = booked(movement)
    words = movement.description if is_worded_by_stripe(movement.reporting_category) else None
    return RecordMovement(
        command_id=f"unclaimed:{movement.id}",
        effective_at=entry.created_at,
        balance_transaction=entry,
        kind=movement.type,
        reporting_category=movement.reporting_category,
        balance_type=movement.balance_type,
        source_id=movement.source_id,
        description=words or "",
    )
