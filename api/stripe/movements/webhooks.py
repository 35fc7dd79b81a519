"""A Stripe event of which nothing is ours: what it moved all the same is recorded at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from api.stripe.delivery import Tools
from api.stripe.movements import lookup
from api.stripe.movements.record import record_movement
from ledger import chart
from ledger.effects import ApplyWebhook
from ledger.message import Origin
from ledger.unclaimed.decider import Movement as Known


async def record_moved(tools: Tools, effect: ApplyWebhook, origin: Origin) -> list[Known]:
    """What the event's object moved, as it stands in the ledger. Raises what a call to Stripe raises."""
    source_id = _moved_by(effect)
    if not source_id:
        return []
    found = await lookup.of_source(tools.stripe, source_id)
    outcomes = [await record_movement(tools, one, origin) for one in found]
    return [outcome.state for outcome in outcomes]


def result_of(moved: Sequence[Known]) -> Literal["unexplained", "applied", "ignored"]:
    """What came of the event, by what it moved: a top-up is known by its kind."""
    if any(is_unexplained(known) for known in moved):
        return "unexplained"
    return "applied" if any(not known.claimed_by for known in moved) else "ignored"


def is_unexplained(known: Known) -> bool:
    return known.account == chart.UNEXPLAINED.number and not known.claimed_by


def _moved_by(effect: ApplyWebhook) -> str:
    """An intent moves nothing itself, and what is billed is paid by a charge, of which there are events."""
    kind = effect.stripe_event_type
    if kind.startswith(("refund.", "charge.dispute.", "topup.", "transfer.")):
        return effect.object_id
    if kind.startswith(("payment_intent.", "charge.")):
        return effect.charge_id
    return ""
