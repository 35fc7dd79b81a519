"""One movement of Stripe's balance that the books do not have yet: ours, or nobody's.

What could be ours is looked at as if its webhook had come, so that one which was lost is made good. What
names this ledger and is posted by nothing all the same is given time: it may be on its way, or be adopted.
"""

from __future__ import annotations

from typing import Literal

import stripe

from api.stripe.delivery import STRIPE_ERRORS, Postponed, Tools, recorder
from api.stripe.failures import is_missing
from api.stripe.movements.objects import Movement, event_of
from api.stripe.movements.record import record_movement
from api.stripe.webhooks import LastLook, look
from ledger.errors import Refused
from ledger.message import Origin

Accounted = Literal["named", "recorded"]
"""`named`: it says that it is of this ledger, whose facts should post it. `recorded`: as nobody's."""


async def account_for(tools: Tools, movement: Movement, origin: Origin, *, overdue: bool) -> Accounted:
    """With `overdue` what is ours by its name is recorded as nobody's as well, and so is what cannot be told:
    its money is in the books then. Raises what a call to Stripe raises, and refusals.
    """
    as_stripe = recorder(origin, movement.id)
    try:
        named = await _is_named(tools, movement, as_stripe)
    except (*STRIPE_ERRORS, Refused):
        if not overdue:
            raise
        named = True
    if named and not overdue:
        return "named"
    await record_movement(tools, movement, as_stripe)
    return "recorded"


async def _is_named(tools: Tools, movement: Movement, origin: Origin) -> bool:
    effect = event_of(movement)
    if effect is None:
        return False
    try:
        result, _ = await look(tools, effect, origin, LastLook())
    except Postponed:  # it names what is not known here
        return True
    except stripe.StripeError as error:
        if not is_missing(error):
            raise
        return False
    return result != "ignored"
